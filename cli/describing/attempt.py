"""Attempt: load the packs in a separate process, since a pack may end the process."""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugrad.cli.describing.diagnosis import diagnosis
from plugrad.cli.describing.finding import Finding
from plugrad.cli.output_to_errors import output_to_errors
from plugrad.plugins.default import packs

if TYPE_CHECKING:
    from collections.abc import Collection
    from multiprocessing.connection import Connection

#: Seconds in which Python, torch and plugrad must have started.
TO_START = 120.0


@dataclass(frozen=True)
class Attempt:
    """The result of loading packs.

    Attributes:
        diagnosis: what was found, if the process survived.
        ending: how it ended, if not.
        culprit: the distribution whose pack it was loading at that moment, if any.
    """

    diagnosis: dict[str, Any] | None = None
    ending: str = ""
    culprit: str | None = None

    @classmethod
    def run(cls, only: Collection[str] | None, patience: float) -> Attempt:
        """Load packs, and wait for it.

        Args:
            only: the distributions whose packs to load; those that may load if None.
            patience: seconds that each pack may take.
        """
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_diagnose, args=(theirs, only), daemon=True)
        process.start()
        theirs.close()
        culprit: str | None = None
        patience_now = TO_START
        try:
            while ours.poll(patience_now):
                message: str | dict[str, Any] | None = ours.recv()
                if isinstance(message, dict):
                    return cls(message)
                culprit, patience_now = message, patience
        except EOFError:
            process.join(5.0)
            return cls(
                None, f"the process that loads it ends: {_ending(process.exitcode)}", culprit
            )
        finally:
            process.kill()
            process.join()
            ours.close()
        return cls(None, f"it did not load within {patience_now:g} s", culprit)


def _diagnose(connection: Connection, only: Collection[str] | None) -> None:
    connection.send(None)  # the start is over
    packs.on_loading = lambda pack: connection.send(pack.distribution)
    try:
        with output_to_errors():
            found = diagnosis(only)
    except Exception as error:  # then plugrad is wrong, not a pack
        text = "".join(traceback.format_exception(error))
        what = f"plugrad doctor failed: {type(error).__name__}: {error}"
        told = Finding(what, "", "please report it, with the traceback", text)
        found = {"packs": [], "findings": [told.as_dict()]}
    connection.send(found)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"

"""The result of the last complete ``plugrad check`` of each op on this machine."""

from __future__ import annotations

import hashlib
import inspect
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from plugrad.cli.cache_file import CacheFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad.cli.checking.outcome import Outcome
    from plugrad.plugins.registered_op import RegisteredOp

_FILE = CacheFile("last_check")


@dataclass(frozen=True)
class LastCheck:
    """A check of one op by all laws on all samples.

    Attributes:
        source: the hash of the file the op was written in.
        plugrad, torch: the versions.
        time: when, in UTC, as ISO 8601.
        seed: the samples' seed.
        device: the device they were on.
        passed, failed: the laws that held wherever they applied, and those that were broken.
    """

    source: str
    plugrad: str
    torch: str
    time: str
    seed: int
    device: str
    passed: list[str]
    failed: list[str]

    @classmethod
    def of(cls, entry: RegisteredOp) -> LastCheck | None:
        """The last check of an op; None if there was none."""
        with suppress(Exception):  # whatever the file may hold
            return cls(**_FILE.read()[entry.qualified_name])
        return None

    def changes(self, entry: RegisteredOp) -> list[str]:
        """What is not as it was then, and may change the result."""
        then = {"plugrad": self.plugrad, "torch": self.torch}
        now = _versions()
        changes = ["its source"] if _hash(entry) != self.source else []
        return changes + [f"{name} (was {then[name]})" for name in now if now[name] != then[name]]


def remember_checks(outcome: Outcome, entries: Iterable[RegisteredOp]) -> None:
    """Note the results of a run of all laws on all samples, for each finished op.

    It never raises: a check does not fail because its result cannot be noted.
    """
    with suppress(Exception):
        _FILE.update(dict(_checked(outcome, entries)))


def _checked(
    outcome: Outcome, entries: Iterable[RegisteredOp]
) -> Iterable[tuple[str, dict[str, object]]]:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    for entry in entries:
        source = _hash(entry)
        if source is None or not outcome.is_done(entry.name):
            continue
        results = outcome.of(entry.name).results
        failed = sorted({r.law for r in results if r.status == "failed"})
        passed = sorted({r.law for r in results if r.status == "passed"} - set(failed))
        check = LastCheck(
            source=source,
            time=now,
            seed=outcome.seed,
            device=outcome.device,
            passed=passed,
            failed=failed,
            **_versions(),
        )
        yield entry.qualified_name, asdict(check)


def _versions() -> dict[str, str]:
    import torch

    import plugrad

    return {"plugrad": plugrad.__version__, "torch": str(torch.__version__)}


def _hash(entry: RegisteredOp) -> str | None:
    """The hash of the op's file; None if it has none, as in a notebook."""
    with suppress(OSError, TypeError):
        file = inspect.getsourcefile(entry.function)
        if file is not None:
            return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return None

"""What workers of xdist recorded, as bytes, and taken together again."""

from __future__ import annotations

import importlib
import pickle
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from plugrad.errors import PlugradError
from plugrad.testing.recording import defined_in
from plugrad.testing.targets import find_object
from plugrad.testing.torch_target import is_torch_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.testing.copies import Recording
    from plugrad.testing.recording import Calls, Recorder


def packed(recorder: Recorder) -> dict[str, Any]:
    """What a recorder has, as plain values that execnet can send."""
    targets = [_packed(calls) for calls in recorder.calls]
    return {"path": [*sys.path], "targets": targets, "unreached": recorder.unreached}


def _packed(calls: Calls) -> dict[str, Any]:
    module = sys.modules.get(calls.name.partition(":")[0])
    refused = dict(calls.refused)
    every = [recording for made in calls.kept.values() for recording in made]
    pieces = [_piece(recording, refused) for recording in every]
    return {
        "name": calls.name,
        "file": getattr(module, "__file__", None) or "",
        "defined_in": defined_in(calls.target),
        "count": calls.count,
        "refused": refused,
        "pieces": [piece for piece in pieces if piece],
    }


def _piece(recording: Recording, refused: dict[str, str]) -> bytes:
    try:
        # Words are the same in every process, which what they were made from need not be.
        return pickle.dumps((repr((recording.text, recording.asked)), recording))
    except Exception as error:
        reason = f"a call with ({recording.text}) cannot be sent to xdist's controller: {error}"
        refused.setdefault(reason, recording.test)
        return b""


def unpack(found: dict[str, Any], recorder: Recorder) -> list[str]:
    """Add what a worker sent to what ``recorder`` has; returns what is lost, a line each."""
    lost = []
    recorder.elsewhere.update(found["unreached"])
    with _path(found["path"]):
        for sent in found["targets"]:
            try:
                target = _found(sent["name"], sent["file"], sent["defined_in"])
            except PlugradError as error:
                reason = str(error).splitlines()[0]
                lost.append(
                    f"{sent['name']}: not checked: the controller of xdist cannot find it: {reason}"
                    "\n  fix: define it at the top of a module, or run pytest without -n"
                )
                continue
            _add(sent, recorder.named(sent["name"], target), recorder.limit)
    return lost


def _add(sent: dict[str, Any], calls: Calls, limit: int) -> None:
    calls.count += sent["count"]
    for reason, test in sent["refused"].items():
        calls.refused.setdefault(reason, test)
    for piece in sent["pieces"]:
        _add_piece(piece, calls, limit)


def _add_piece(piece: bytes, calls: Calls, limit: int) -> None:
    try:
        key, recording = pickle.loads(piece)
    except Exception as error:
        calls.refused.setdefault(f"what a worker of xdist sent cannot be read: {error}", "")
    else:
        calls.keep(key, recording, limit)


def _found(name: str, file: str, defined_in: str) -> Any:
    with suppress(Exception):  # what defines a custom op; what is wrong with it is told below
        importlib.import_module(defined_in)
    try:
        target = find_object(name)
    except PlugradError:
        if not file.endswith(".py"):
            raise
        target = find_object(f"{file}:{name.partition(':')[2]}")
    assert is_torch_target(target)
    return target


@contextmanager
def _path(path: list[str]) -> Iterator[None]:
    """In the block modules are found where a worker finds them, too."""
    before = [*sys.path]
    sys.path += [place for place in path if place not in before]
    try:
        yield
    finally:
        sys.path[:] = before

"""Replay: what was recorded of one target, as samples that are checked against the laws."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.sample import Sample
from plugrad.errors import PlugradError
from plugrad.testing.place import place_of
from plugrad.testing.result import Report
from plugrad.testing.runner import Runner
from plugrad.testing.targets import described_target
from plugrad.testing.torch_target import DECLARABLE, TorchTarget, definition_of
from plugrad.testing.trial import Trial, is_real, mapped, tensors_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from plugrad.testing.copies import Form, Recording
    from plugrad.testing.law import Law
    from plugrad.testing.recording import Calls

#: How many samples of a target are checked, the smallest first.
MOST_SAMPLES = 12
#: A law that can only be judged where samples are written by hand.
_NOT_FOR_RECORDINGS = frozenset({"waivers"})
_WIDE = {torch.complex32: torch.complex128, torch.complex64: torch.complex128}


@dataclass
class Replay:
    """One target that tests called.

    Args:
        calls: what was recorded.
        samples: what became of it, with the recording of each.
        skipped: why calls are not among them, with the test that made one.
        report: what the laws said; None before they were asked.
    """

    calls: Calls
    samples: list[tuple[Sample, Recording]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    report: Report | None = None

    @property
    def name(self) -> str:
        """The target's."""
        return self.calls.name

    @property
    def place(self) -> str:
        """Where another process finds the target, in the words of ``plugrad check``."""
        return place_of(definition_of(self.calls.target)) or self.name

    def check(self, laws: Sequence[Law], seed: int, limit: float, command: str) -> None:
        """Check the target against the laws.

        What its samples file declares, waivers included, counts here too.

        Args:
            laws: which.
            seed: of what the laws draw.
            limit: seconds for each law on each sample.
            command: what checks it again, but for options; empty if nothing does.
        """
        if not self.samples:
            return
        laws = [law for law in laws if law.id not in _NOT_FOR_RECORDINGS]
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            try:
                target = self._target(seed, command)
            except PlugradError as error:
                self.skipped.setdefault(str(error), "")
                self.samples.clear()
                return
            self.report = Report(Runner(target, limit).results(laws))

    def _target(self, seed: int, command: str) -> TorchTarget:
        said = described_target(self.calls.target, {}).declaration
        declared = {f.name: getattr(said, f.name) for f in fields(said) if f.name in DECLARABLE}
        return TorchTarget(
            self.calls.target,
            [sample for sample, _ in self.samples],
            name=self.name,
            command=command,
            reference=said.reference,
            declared=declared,
            seed=seed,
            device=self.samples[0][1].device,
        )


def replay(calls: Calls, limit: float) -> Replay:
    """Make samples of what was recorded.

    Numbers are passed in float64 if the target takes it, since differences in less are
    mostly rounding. A large call is replaced by the first smaller one that can be made and
    differentiated.

    Args:
        calls: of one target.
        limit: seconds that a call may take.
    """
    made = Replay(calls, skipped=dict(calls.refused))
    for recording in sorted(calls.recordings, key=_size):
        if len(made.samples) >= MOST_SAMPLES:
            break
        sample = _sample(calls.target, recording, limit)
        if sample is not None:
            made.samples.append((sample, recording))
        else:
            what = f"no smaller call than ({recording.text}) can be made and differentiated"
            made.skipped.setdefault(what, recording.test)
    return made


def _size(recording: Recording) -> int:
    return sum(t.numel() for t in tensors_in([recording.forms[0].args, recording.forms[0].kwargs]))


def _sample(target: Any, recording: Recording, limit: float) -> Sample | None:
    """The sample of a recording; None if it was large and no smaller call works."""
    for args, kwargs, is_wide in _candidates(recording):
        constants = _constants(args, kwargs, recording.asked)
        trial = Trial(target, args, kwargs, constants, limit)
        if recording.forms[0].cut is None and not is_wide:
            break  # it was made like this, whatever comes of it now
        if trial.works and (trial.is_wide or not is_wide):
            break
    else:
        return None
    if recording.asked is None:  # what gets no gradient is taken for a constant
        constants |= trial.without_gradient
    return Sample(*args, **kwargs).constant(*constants)


def _candidates(
    recording: Recording,
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any], bool]]:
    """Arguments to try, the best first, and whether they were widened."""
    for form in recording.forms:
        for args, kwargs in _renumbered(form):
            args, kwargs = mapped((args, kwargs), lambda t: _own(t, recording.device))
            wide = mapped((args, kwargs), _widened)
            if any(
                a.dtype is not b.dtype
                for a, b in zip(*map(tensors_in, ((args, kwargs), wide)), strict=True)
            ):
                yield *wide, True
            yield args, kwargs, False


def _renumbered(form: Form) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments, of a smaller call first with the numbers that are its sizes changed, too."""
    if form.cut is not None:
        number = form.cut.number
        args = tuple(number(a) for a in form.args)
        kwargs = {name: number(value) for name, value in form.kwargs.items()}
        if repr((args, kwargs)) != repr((form.args, form.kwargs)):
            yield args, kwargs
    yield form.args, form.kwargs


def _own(tensor: Tensor, device: str) -> Tensor:
    # A copy, since what was recorded under inference_mode could not be differentiated.
    return tensor.clone() if device == "cpu" else tensor.to(device)


def _widened(tensor: Tensor) -> Tensor:
    if tensor.is_complex():
        return tensor.to(_WIDE.get(tensor.dtype, tensor.dtype))
    return tensor.double() if tensor.is_floating_point() else tensor


def _constants(
    args: tuple[Any, ...], kwargs: dict[str, Any], asked: frozenset[int | str] | None
) -> set[int | str]:
    """The arguments with numbers that required no gradient, if any did."""
    places: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    if asked is None:
        return set()
    return {p for p, value in places if p not in asked and any(map(is_real, tensors_in(value)))}

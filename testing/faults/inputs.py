"""Faults in the gradient of one input, and in which input gets which."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from plugrad.testing.faults.fault import FAULTS
from plugrad.testing.faults.rewrite import each, returning
from plugrad.testing.faults.subject import (
    Probe,
    Subject,
    gradients,
    moved,
    moved_everywhere,
    probe,
    same,
)
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor


def _names(subject: Subject) -> list[str]:
    return subject.names


def _dropped_proof(subject: Subject, _: Subject, name: str) -> str | None:
    for found, index in subject.with_input(name):
        for case in moved_everywhere(found):
            there = gradients(case)
            if there is not None and not same([None], [there[index]]):
                return None
    return f"the gradient of {name} is zero, whatever the inputs are"


@FAULTS.fault(
    "dropped",
    "add a sample where {} gets a gradient that is not zero",
    variants=_names,
    proof=_dropped_proof,
)
def dropped(subject: Subject, name: str) -> Mapping[str, Any]:
    """One input's gradient is zeros."""
    return returning(subject.function, lambda g, n: _zeros(g) if n == name else g)


def _zeros(gradient: Any) -> Any:
    return torch.zeros(gradient.shape, dtype=gradient.dtype, device=gradient.device)


@FAULTS.fault("none", "add a sample whose gradient is not zero")
def none(subject: Subject, _: str) -> Mapping[str, Any]:
    """Every gradient is None."""
    return returning(subject.function, lambda _, __: None)


def _swapped_proof(subject: Subject, _: Subject, __: str) -> str | None:
    together = [found for found in subject.probes if len(found.case.wanted) > 1]
    return "both inputs always get the same gradient" if together else None


@FAULTS.fault(
    "swapped",
    "add a sample whose first two inputs get different gradients",
    proof=_swapped_proof,
)
def swapped(subject: Subject, _: str) -> Mapping[str, Any]:
    """The first two inputs get each other's gradient."""
    rule = subject.rule
    positions = _two_positions(subject)

    def exchanged(ctx: Any, *cotangents: Any) -> Any:
        result = rule(ctx, *cotangents)
        found: dict[Any, Any] = {}
        each(result, lambda g, *place: found.__setitem__(place, g))
        first, second = (found.get(place) for place in positions)
        if first is None and second is None:
            return result
        other = dict(zip(positions, (second, first), strict=True))
        return each(result, lambda g, *place: other.get(place, g))

    return {"backward": exchanged}


def _two_positions(subject: Subject) -> tuple[tuple[int, int | None], ...]:
    for found in subject.probes:
        positions = [(p.position, p.item) for p in found.places]
        if len(positions) > 1:
            return positions[0], positions[1]
    raise NotApplicable("it has fewer than two inputs with a gradient")


def _broadcast_names(subject: Subject) -> list[str]:
    # torch sums without a declaration.
    sums = subject.op.declaration.broadcasts or subject.engine.mends
    return subject.names if sums else [""]


@FAULTS.fault(
    "unbroadcast-dropped",
    "add a sample where {} is broadcast",
    variants=_broadcast_names,
    proof=_dropped_proof,  # of zeros, one place holds their sum
)
def unbroadcast_dropped(subject: Subject, name: str) -> Mapping[str, Any]:
    """The gradient of an input that was broadcast is taken from one place, not summed."""
    if not name:
        raise NotApplicable("the op does not declare broadcasts")
    declared = f"unbroadcast-dropped[{name}]" in subject.op.declaration.equivalent
    if not declared and not _can_broadcast(subject, name):
        raise NotApplicable(_NOT_BROADCAST[subject.engine.mends].format(name))

    def change(gradient: Any, which: str, value: Any, _: Any) -> Any:
        return _one_place(gradient, value) if which == name else gradient

    return returning(subject.function, change, values=True)


#: Whether the engine sums without a declaration.
_NOT_BROADCAST = {
    False: "forward does not broadcast {}",
    True: "in no sample a gradient of {} is left to torch to sum",
}


def _one_place(gradient: Any, value: Any) -> Any:
    """The part of a gradient that belongs to the first repetition of ``value``."""
    while gradient.dim() > value.dim():
        if not gradient.shape[0]:
            return gradient
        gradient = gradient.select(0, 0)
    for dim, size in enumerate(value.shape):
        if size == 1 and gradient.shape[dim] > 1:
            gradient = gradient.narrow(dim, 0, 1)
    return gradient


def _can_broadcast(subject: Subject, name: str) -> bool:
    """Whether some sample, or one with a smaller input, gets a larger raw gradient.

    If the engine sums without a declaration, it is unknown whether forward is meant to
    broadcast: then only the samples themselves count.
    """
    for found, index in subject.with_input(name):
        if _repeats(found, index):
            return True
        if subject.engine.mends:
            continue
        for dim in range(-1, found.case.inputs[index].tensor.dim()):
            other = probe_of(found, index, partial(_shrunk, dim=dim))
            if other is not None and _repeats(other, index):
                return True
    return False


def _shrunk(tensor: Tensor, dim: int) -> Tensor:
    """The tensor with one element along ``dim``; without the first dimension for -1."""
    if dim >= 0:
        return tensor.narrow(dim, 0, min(1, tensor.shape[dim])).clone()
    return tensor[0].clone() if tensor.dim() and len(tensor) else tensor


def probe_of(found: Probe, index: int, move: Callable[[Tensor], Tensor]) -> Probe | None:
    """A probe of the sample with input ``index`` moved; None if it does not run."""
    try:
        return probe(moved(found, index, move))
    except (RuntimeError, IndexError):
        return None


def _repeats(found: Probe, index: int) -> bool:
    shape = found.case.inputs[index].tensor.shape
    try:
        raw = found.call.unmended(found.call.cotangents())[index]
    except Exception:
        return False
    return raw is not None and raw.shape != shape

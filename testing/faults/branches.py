"""Faults in a part of an input's range: one branch of the rule is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.testing.faults.fault import FAULTS
from plugrad.testing.faults.inputs import probe_of
from plugrad.testing.faults.rewrite import returning
from plugrad.testing.faults.subject import Subject, gradients, moved, same, same_where_finite
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from plugrad.testing.case import Case
    from plugrad.testing.faults.subject import Probe


class Region:
    """A part of the numbers.

    Args:
        what: in words, with ``{}`` for the input's name.
        inside: which elements are in it; complex numbers have the sign of their real part.
        move: brings every element into it.
    """

    def __init__(
        self, what: str, inside: Callable[[Tensor], Tensor], move: Callable[[Tensor], Tensor]
    ) -> None:
        self.what, self.inside, self.move = what, inside, move

    def inject(self, subject: Subject, name: str) -> Mapping[str, Any]:
        """The attributes of the op with every gradient of ``name`` 1.5 times as large there."""
        if not _looks_at(subject, name):
            raise NotApplicable(f"no gradient depends on the values of {name}")

        def change(gradient: Any, which: str, value: Any, _: Any) -> Any:
            return self._scaled(gradient, value) if which == name else gradient

        return returning(subject.function, change, values=True)

    def _scaled(self, gradient: Any, value: Any) -> Any:
        inside = self.inside(value)
        try:
            factor = torch.where(inside, 1.5, 1.0).expand(gradient.shape)
        except RuntimeError:  # not of the input's shape: its reference, or where it is wrong
            return gradient
        return gradient * factor.to(gradient.dtype)

    def proof(self, subject: Subject, faulty: Subject, name: str) -> str | None:
        """Whether the gradient is the same wherever the input is in the region."""
        pairs = zip(subject.with_input(name), faulty.with_input(name), strict=True)
        for (clean, index), (wrong, _) in pairs:
            for apart in (False, True):
                there = gradients(self._there(clean, index, apart))
                if there is None:
                    continue
                if not same_where_finite(there, gradients(self._there(wrong, index, apart))):
                    return None
        return f"where {self.what.format(name)} its gradient is zero, not finite or missing"

    def _there(self, found: Probe, index: int, apart: bool) -> Case:
        """The sample with the input moved into the region; ``apart``: the others are moved too.

        If the others are zeros, for example, a gradient may be zero only because of that.
        """
        values = moved(found, index, self._moved).values
        if apart:
            for i in found.case.wanted:
                values[i] = values[i] if i == index else _stretched(values[i]).to(values[i].dtype)
        return found.case.replaced(values)

    def _moved(self, tensor: Tensor) -> Tensor:
        return self.move(tensor).to(tensor.dtype)


def _looks_at(subject: Subject, name: str) -> bool:
    """Whether a rule can know the values of an input: whether a gradient depends on them."""
    for found, index in subject.with_input(name):
        here = gradients(found.case)
        for move in (_mirrored, _stretched):
            other = probe_of(found, index, move)
            if other is None or not same(here, gradients(other.case)):
                return True
    return False


def _mirrored(tensor: Tensor) -> Tensor:
    return -tensor - 0.3


def _stretched(tensor: Tensor) -> Tensor:
    return tensor * 1.7 + 0.1


def _real(tensor: Tensor) -> Tensor:
    return tensor.real if tensor.is_complex() else tensor


def _names(subject: Subject) -> list[str]:
    return subject.names


def _enter(id_: str, region: Region, advice: str) -> None:
    def inject(subject: Subject, name: str) -> Mapping[str, Any]:
        return region.inject(subject, name)

    inject.__doc__ = f"The gradient is 1.5 times as large where {region.what.format('the input')}."
    FAULTS.fault(id_, advice, variants=_names, proof=region.proof)(inject)


_enter(
    "wrong-below-0",
    Region("{} < 0", lambda t: _real(t) < 0, lambda t: -t.abs() - 0.1),
    "add a sample with {} < 0",
)
_enter(
    "wrong-above-0",
    Region("{} > 0", lambda t: _real(t) > 0, lambda t: t.abs() + 0.1),
    "add a sample with {} > 0",
)
_enter(
    "wrong-at-0",
    Region("{} = 0", lambda t: t == 0, torch.zeros_like),
    "add a sample with {} = 0 (.at_kink() if there is no derivative)",
)
_enter(
    "wrong-beyond-1",
    Region(
        "|{}| > 1", lambda t: t.abs() > 1, lambda t: t + 1.1 * torch.where(_real(t) < 0, -1.0, 1.0)
    ),
    "add a sample with |{}| > 1",
)
_enter(
    "wrong-within-1",
    Region("|{}| < 1", lambda t: t.abs() < 1, lambda t: t / (t.abs() + 1)),
    "add a sample with |{}| < 1",
)


# --- ties ----------------------------------------------------------------------------


# Not a number that a sample would have: otherwise one input's ties would be ties with
# another.
_TIE = 0.731234


def _tied(tensor: Tensor) -> Tensor:
    """Which elements have an equal one."""
    flat = _real(tensor).flatten()
    return (flat[:, None] == flat).sum(1).gt(1).reshape(tensor.shape)


def _all_equal(tensor: Tensor) -> Tensor:
    return torch.full_like(tensor, _TIE)


def _nearly_equal(tensor: Tensor) -> Tensor:
    steps = torch.arange(tensor.numel(), device=tensor.device).reshape(tensor.shape)
    return torch.full_like(tensor, _TIE) + 1e-7 * steps.to(tensor.dtype)


_TIES = Region("{} has ties", _tied, _all_equal)


@FAULTS.fault(
    "wrong-at-ties",
    "add a sample with ties in {}, with .at_kink()",
    variants=_names,
    proof=_TIES.proof,
)
def wrong_at_ties(subject: Subject, name: str) -> Mapping[str, Any]:
    """The gradient is 1.5 times as large where elements of the input tie."""
    if not any(_has_kink(*pair) for pair in subject.with_input(name)):
        raise NotApplicable(f"the gradient does not jump where elements of {name} tie")
    return _TIES.inject(subject, name)


def _has_kink(found: Probe, index: int) -> bool:
    """Whether the gradient at a tie differs from the one close to it."""
    tensor = found.case.inputs[index].tensor
    if tensor.numel() < 2 or tensor.is_complex():
        return False
    at_tie = gradients(moved(found, index, _all_equal))
    nearby = gradients(moved(found, index, _nearly_equal))
    if at_tie is None or nearby is None or at_tie[index] is None or nearby[index] is None:
        return at_tie is not nearby
    return not torch.allclose(at_tie[index], nearby[index], 1e-3, 1e-3, equal_nan=True)

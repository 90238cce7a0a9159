"""Differences: a Jacobian from values alone, from the left, from the right and through both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_Slope = TypeVar("_Slope", float, Tensor)

#: Balances the error of the difference quotient against that of rounding, in float64.
STEP = 1e-6


@dataclass(frozen=True)
class Slopes:
    """A Jacobian by differences: from the left, from the right and through both points.

    Matrices of float64 on the CPU: a row for each real coordinate of the output, a column
    for each one of the input that was asked for. At a kink ``left`` and ``right`` differ;
    elsewhere they agree up to the step times the second derivative. Where the function is
    not finite, they are not either.
    """

    left: Tensor
    right: Tensor
    central: Tensor

    @property
    def gap(self) -> Tensor:
        """How far apart the one-sided derivatives are."""
        return (self.right - self.left).abs()

    def between(self, derivative: Tensor, slack: Tensor | float = 0.0) -> Tensor:
        """Where ``derivative`` is between the one-sided ones, or at most ``slack`` beyond them."""
        low, high = torch.minimum(self.left, self.right), torch.maximum(self.left, self.right)
        return (derivative >= low - slack) & (derivative <= high + slack)


def numeric_jacobian(
    f: Callable[[list[Tensor]], Sequence[Tensor]],
    tensors: Sequence[Tensor],
    output: int | None,
    input: int,  # noqa: A002 (beside output)
    step: float = STEP,
    *,
    richardson: bool = False,
    columns: Sequence[int] | None = None,
    middle: Tensor | None = None,
    at_once: Callable[[list[list[Tensor]]], Tensor | None] | None = None,
) -> Slopes:
    """The derivatives of an output of ``f`` with respect to one of its inputs.

    All is real: a complex tensor counts as twice as many coordinates, its elements' real
    and imaginary parts in turns, as in ``torch.view_as_real(t).flatten()``.

    Args:
        f: from tensors to tensors; it gets new ones each time, of the same strides, and
            must not draw other random numbers each time.
        tensors: where the derivatives are taken.
        output: which of f's outputs; None for all, their rows one after another.
        input: which of ``tensors``, of a floating-point or complex dtype.
        step: how far to move a coordinate.
        richardson: move by half a step too and extrapolate: twice the calls, and an error
            of the fourth order of the step instead of the second, so take a larger step.
        columns: only these coordinates of the input; by default all.
        middle: the coordinates of what f gives for ``tensors``, if they are known.
        at_once: gives the same coordinates of each of several tensors, a row for each, in fewer
            calls than ``f``; None where it cannot.
    """
    mover = _Mover(tensors, input)
    chosen = range(mover.count) if columns is None else columns
    if middle is None:
        middle = _values(f, [t.clone() for t in tensors], output)
    if not len(chosen):
        empty = middle.new_zeros(middle.numel(), 0)
        return Slopes(empty, empty, empty)

    def values(several: list[list[Tensor]]) -> Tensor:
        found = None if at_once is None else at_once(several)
        if found is None:
            each = ([t.clone() for t in tensors] for tensors in several)
            found = torch.stack([_values(f, tensors, output) for tensors in each])
        return found

    slopes = _slopes(values, mover, step, chosen, middle)
    if richardson:
        slopes = _extrapolated(slopes, _slopes(values, mover, step / 2, chosen, middle))
    return Slopes(*slopes)


def slopes_along(
    f: Callable[[list[float]], Sequence[float]],
    middle: float,
    step: float = STEP,
    *,
    richardson: bool = False,
) -> Slopes:
    """The derivative of a number along a line, as a matrix of one element.

    It could be had from ``numeric_jacobian``, whose tensors take longer than most calls.

    Args:
        f: gives the number at each of several distances from here.
        middle: the number here.
        step: how far to move.
        richardson: as in ``numeric_jacobian``.
    """

    def slopes(by: float) -> list[float]:
        left, right = f([-by, by])
        return [(middle - left) / by, (right - middle) / by, (right - left) / (2 * by)]

    found = slopes(step)
    if richardson:
        found = _extrapolated(found, slopes(step / 2))
    return Slopes(*torch.tensor(found, dtype=torch.float64).reshape(3, 1, 1))


def _extrapolated(whole: list[_Slope], half: list[_Slope]) -> list[_Slope]:
    """The slopes from the left, from the right and through both, of a step and of its half."""
    orders = (1, 1, 2)
    return [h + (h - s) / (2**n - 1) for h, s, n in zip(half, whole, orders, strict=True)]


def coordinates(tensor: Tensor) -> Tensor:
    """The real coordinates of a tensor, flat, in float64 on the CPU."""
    flat = _real(tensor.detach()).flatten()
    return flat if flat.dtype is torch.float64 and flat.is_cpu else flat.to("cpu", torch.float64)


def _real(tensor: Tensor) -> Tensor:
    if not tensor.is_complex():
        return tensor
    return torch.view_as_real(tensor.resolve_conj())


def _values(f: Any, tensors: list[Tensor], output: int | None) -> Tensor:
    outputs = f(tensors)
    return joined(outputs if output is None else (outputs[output],))


def joined(outputs: Iterable[Tensor]) -> Tensor:
    """The coordinates of several tensors, one after another."""
    parts = [coordinates(o) for o in outputs]
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts) if parts else torch.zeros(0).double()


def _slopes(
    values: Callable[[list[list[Tensor]]], Tensor],
    mover: _Mover,
    step: float,
    columns: Sequence[int],
    middle: Tensor,
) -> list[Tensor]:
    """From the left, from the right and through both points, a column for each of ``columns``."""
    several, (back, ahead) = mover.moved(columns, (-step, step))
    left, right = torch.tensor_split(values(several).T, 2, 1)
    start = middle[:, None]
    return [(left - start) / back, (right - start) / ahead, (right - left) / (ahead - back)]


class _Mover:
    """Moves real coordinates of one of the tensors."""

    def __init__(self, tensors: Sequence[Tensor], input: int) -> None:  # noqa: A002
        # A clone of a conjugated view is conjugated too, and has no real view.
        self._tensors, self._input = list(tensors), input
        self._own = tensors[input].resolve_conj().resolve_neg().clone()
        self._start = _real(self._own).flatten()
        self.count = self._start.numel()

    def moved(
        self, columns: Sequence[int], steps: tuple[float, ...]
    ) -> tuple[list[list[Tensor]], Tensor]:
        """The tensors with each of these coordinates moved in turn, by the first step and so on.

        And how far each was moved, a row for each step: that is the step, as the dtype allows.
        Only the tensor that is moved is a new one.
        """
        device = self._start.device
        chosen = torch.tensor([*columns] * len(steps), device=device)
        start = self._start[chosen]
        by = torch.tensor(steps, dtype=start.dtype, device=device)
        there = start + by.repeat_interleave(len(columns))
        own, count = self._own, len(chosen)
        rows = torch.empty_strided(
            (count, *own.shape), (own.numel(), *own.stride()), dtype=own.dtype, device=own.device
        )
        rows.copy_(own)
        real = _real(rows)
        each = torch.arange(count, device=own.device)
        if real.is_contiguous():
            real.view(count, -1)[each, chosen] = there
        else:
            real[(each, *torch.unravel_index(chosen, real.shape[1:]))] = there
        several = [list(self._tensors) for _ in range(count)]
        for tensors, row in zip(several, rows.unbind(), strict=True):
            tensors[self._input] = row
        distances = (there - start).to("cpu", torch.float64)
        return several, distances.reshape(len(steps), -1)

"""numeric_jacobian: derivatives of any function from its values alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Balances the error of the difference quotient against that of rounding, in float64.
STEP = 1e-6


@dataclass(frozen=True)
class Slopes:
    """A Jacobian by differences: from the left, from the right and through both points.

    Matrices of float64 on the CPU: a row for each real coordinate of the output, a column
    for each one of the input that was asked for. At a kink ``left`` and ``right`` differ;
    elsewhere they agree up to the step times the second derivative. Where the function is
    not finite, neither are they.
    """

    left: Tensor
    right: Tensor
    central: Tensor

    @property
    def gap(self) -> Tensor:
        """How far the one-sided derivatives are apart."""
        return (self.right - self.left).abs()

    def between(self, derivative: Tensor, slack: Tensor | float = 0.0) -> Tensor:
        """Where ``derivative`` lies between the one-sided ones, or ``slack`` beyond them."""
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
        columns: only these coordinates of the input; all unless told otherwise.
    """
    coordinates = _real(tensors[input]).numel()
    chosen = range(coordinates) if columns is None else columns
    middle = _values(f, [t.clone() for t in tensors], output)
    found = []
    for column in chosen:
        slopes = _column(f, tensors, output, input, step, column, middle)
        if richardson:
            half = _column(f, tensors, output, input, step / 2, column, middle)
            orders = (1, 1, 2)
            slopes = [
                h + (h - s) / (2**order - 1)
                for h, s, order in zip(half, slopes, orders, strict=True)
            ]
        found.append(slopes)
    if not found:
        empty = middle.new_zeros(middle.numel(), 0)
        return Slopes(empty, empty, empty)
    left, right, central = (torch.stack(side, 1) for side in zip(*found, strict=True))
    return Slopes(left, right, central)


def coordinates(tensor: Tensor) -> Tensor:
    """The real coordinates of a tensor, flat, in float64 on the CPU."""
    return _real(tensor.detach()).flatten().to("cpu", torch.float64)


def _real(tensor: Tensor) -> Tensor:
    if not tensor.is_complex():
        return tensor
    return torch.view_as_real(tensor.resolve_conj())


def _values(f: Any, tensors: list[Tensor], output: int | None) -> Tensor:
    outputs = f(tensors)
    if output is not None:
        return coordinates(outputs[output])
    if len(outputs) == 1:
        return coordinates(outputs[0])
    return torch.cat([coordinates(o) for o in outputs]) if outputs else torch.zeros(0).double()


def _column(
    f: Any,
    tensors: Sequence[Tensor],
    output: int | None,
    input: int,  # noqa: A002
    step: float,
    column: int,
    middle: Tensor,
) -> list[Tensor]:
    values, moves = [], []
    for sign in (-1, 1):
        moved = [t.clone() for t in tensors]
        moves.append(_move(moved, input, column, sign * step))
        values.append(_values(f, moved, output))
    left, right = values
    back, ahead = moves
    return [(left - middle) / back, (right - middle) / ahead, (right - left) / (ahead - back)]


def _move(tensors: list[Tensor], input: int, column: int, step: float) -> float:  # noqa: A002
    """Move a coordinate of one of the tensors; returns how far, as its dtype allows."""
    # A clone of a conjugated view is conjugated too, and has no real view.
    tensor = tensors[input] = tensors[input].resolve_conj().resolve_neg()
    real = _real(tensor)
    place: tuple[Any, ...] = (column,)
    if real.is_contiguous():
        real = real.view(-1)
    else:
        place = torch.unravel_index(torch.tensor(column), real.shape)
    before = real[place].item()
    real[place] = before + step
    return float(real[place].item() - before)

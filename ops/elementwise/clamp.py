"""clamp: each element kept between two bounds."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from numbers import Number
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "clamp",
    methods=("clamp", "clip"),
    overrides=(
        torch.clamp,
        torch.clip,
        torch.ops.aten.clamp.default,
        torch.ops.aten.clamp.Tensor,
        torch.ops.aten.clip.default,
        torch.ops.aten.clip.Tensor,
    ),
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Clamp(Function):
    """y = min(max(x, min), max); gy goes to whichever of x, min and max y is.

    Each bound is a number, a tensor or None. Where min > max, y is max, which gets it all.
    Ties go as in the installed torch. Before 2.14, x gets all of gy at a bound too. Since
    2.14, x at a bound gets nothing if that is a number, and they get half each if it is a
    tensor, but x gets all where min = x = max.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, min: Tensor | None = None, max: Tensor | None = None
    ) -> Tensor:
        ctx.save_for_backward(x, min, max)
        return torch.clamp(x, min, max)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, low, high = ctx.saved_tensors
        return _gradients(gy, x, low, high, ctx.needs_input_grad)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), -1, 1)
        yield Sample(make(3, 4), min=0.5)
        yield Sample(make(3, 4), max=0.5)
        yield Sample(make(3, 4), None, -0.5)
        yield Sample(make(3), 1.0, -1.0)
        yield Sample(make(), -1)
        yield Sample(make(0, 3), 0, 1)
        yield Sample(make.tensor([-1.0, 0.0, 1.0, 2.0, float("nan")]), 0, 1)
        yield Sample(make(3, 4), make(3, 4), make(3, 4))
        yield Sample(make(2, 3, 4), make(3, 1), make(4))
        yield Sample(make(3, 4), make(4))
        yield Sample(make(3, 4), max=make(3, 1))
        yield Sample(make(3), make(3), make(3)).constant(0)
        yield Sample(make(3), make(3), make(3)).constant(1, 2)
        yield (
            Sample(
                make.tensor([0.0, 1.0, 2.0, 2.0, 3.0, 2.0]),
                make.tensor([0.0, 0.0, 2.0, 3.0, 1.0, 3.0]),
                make.tensor([1.0, 1.0, 2.0, 3.0, 0.0, 1.0]),
            )
            .at_kink()
            .waive("numeric", "where min = x = max y cannot move, and torch gives gy to x")
        )
        nan = float("nan")
        yield Sample(make.tensor([nan, 1.0, 2.0]), make.tensor([0.0, nan, 2.0])).at_kink()
        yield Sample(make.tensor([nan, 1.0, 2.0]), max=make.tensor([0.0, nan, 2.0])).at_kink()
        yield Sample(make.integers(5), 1, 3)
        yield Sample(make(3, 1), make(4))
        yield Sample(make.tensor([-1.0, 1.0]), make.tensor([0.0, -3.0]))


_Gradients = tuple[Any, Any, Any]


def _before_2_14(gy: Any, x: Any, low: Any, high: Any, needed: tuple[bool, ...]) -> _Gradients:
    """At a tie x gets all of gy."""
    need_gx, need_glow, need_ghigh = needed
    gx = torch.where(_inside(x, low, high, operator.le), gy, 0) if need_gx else None
    glow = ghigh = None
    if need_glow:
        below = x < low if high is None else (x < low) & (low < high)
        glow = torch.where(below, gy, 0)
    if need_ghigh:
        above = x > high if low is None else (x > high) | (low > high)
        ghigh = torch.where(above, gy, 0)
    return gx, glow, ghigh


def _since_2_14(gy: Any, x: Any, low: Any, high: Any, needed: tuple[bool, ...]) -> _Gradients:
    """At a tie x gets none of gy if the bound is a number; else both get half."""
    need_gx, need_glow, need_ghigh = needed
    has_number = isinstance(low, Number) or isinstance(high, Number)
    if has_number and not need_glow and not need_ghigh:
        return torch.where(_inside(x, low, high, operator.lt), gy, 0), None, None
    if low is None:
        return _of_smaller(gy, x, high, need_gx), None, _of_smaller(gy, high, x, need_ghigh)
    if high is None:
        return _of_smaller(gy, low, x, need_gx), _of_smaller(gy, x, low, need_glow), None
    proper, half = low < high, gy / 2
    gx = glow = ghigh = None
    if need_gx:
        tie = ((x == low) | (x == high)) & proper
        gx = torch.where((x < low) | (x > high), 0, torch.where(tie, half, gy))
    if need_glow:
        below = torch.where((x < low) & (low <= high), gy, 0)
        glow = torch.where((x == low) & proper, half, below)
    if need_ghigh:
        beyond = ((x > high) & (low <= high)) | (low > high)
        ghigh = torch.where((x == high) & proper, half, torch.where(beyond, gy, 0))
    return gx, glow, ghigh


def _inside(x: Any, low: Any, high: Any, before: Callable[[Any, Any], Any]) -> Any:
    if low is None:
        return before(x, high)
    return before(low, x) if high is None else before(low, x) & before(x, high)


def _of_smaller(gy: Any, one: Any, other: Any, needed: bool) -> Any:
    """Return gy where one is the smaller or either is nan, half of it at a tie, else 0."""
    if not needed:
        return None
    return torch.where(one > other, 0, torch.where(one == other, gy / 2, gy))


# By version: to ask torch for a gradient here would start its threads, and a fork needs none.
_gradients = _since_2_14 if torch.__version__ >= "2.14.0.dev0" else _before_2_14

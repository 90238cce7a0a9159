"""bincount: how often each whole number is among the elements, or how much weight it has."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


def _reference(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """By an addition for each element, which torch differentiates."""
    y = torch.bincount(x, None if weights is None else weights.detach(), minlength)
    return y if weights is None else torch.zeros_like(y).index_add(0, x, weights.to(y.dtype))


@op(
    "bincount",
    overrides=(torch.bincount, torch.ops.aten.bincount.default),
    aliases={"input": "x", "self": "x"},
    reference=_reference,
)
class Bincount(Function):
    """y[k] = how many of x are k, or the sum of their weights;  gweights = gy[x].

    In torch the weights have no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, weights: Tensor | None = None, minlength: int = 0
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.dtype = None if weights is None else weights.dtype
        return torch.bincount(x, weights, minlength)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[None, Tensor]:
        (x,) = ctx.saved_tensors
        return None, gy.index_select(0, x).to(ctx.dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        x = torch.tensor([0, 2, 2, 1, 5])
        yield Sample(x, make(5))
        yield Sample(x, make.tensor([0.0, -1.0, 0.5, 0.0, 2.0]))
        yield Sample(x, weights=make(5), minlength=8)
        yield Sample(x=x, weights=make(5))
        yield Sample(x)
        yield Sample(x[:0], make(0), 3)
        yield Sample(x, make(4)).raises(RuntimeError, "same length")

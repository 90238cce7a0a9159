"""histogram: how many numbers, or how much weight, is in each of bins of one width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._histogram import gradients, of_range


@op("histogram", overrides=(torch.ops.aten.histogram.bin_ct,))
class Histogram(Function):
    """y[b] = how many of x, or how much weight, is in bin b; with density over total and width.

    gweight is gy of the weight's bin. gx is 0: a count is constant but for its jumps, where gx is
    0 as well. But the edges, without a range, go from the least to the largest of x, which so get
    theirs, and with density gy's share: see _histogram.py. torch has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        bins: int = 100,
        range: Sequence[float] | None = None,
        weight: Tensor | None = None,
        density: bool = False,
    ) -> Any:
        found = y, edges = torch.histogram(x, bins, range=range, weight=weight, density=density)
        ctx.save_for_backward(x, weight, y if density else None, edges)
        ctx.ranged = range is not None
        return found

    @staticmethod
    def backward(ctx: Context, gy: Tensor, g_edges: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, y, edges = ctx.saved_tensors
        flat = None if weight is None else weight.reshape(-1)
        g_weight, (through,) = gradients(gy, y, x.reshape(-1, 1), (edges,), flat)
        gx = torch.zeros_like(x)
        if not ctx.ranged and x.numel():
            g_edges = g_edges if through is None else g_edges + through
            gx = of_range(g_edges, x.reshape(-1)).reshape(x.shape)
        return gx, None, None, None if weight is None else g_weight.reshape(x.shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(7), 3)
        yield Sample(make(2, 3), 4, range=(-1.5, 1.0))
        yield Sample(make(7), 3, weight=make(7, low=0.5))
        yield Sample(make(2, 3), 3, range=(-2.5, 2.0), weight=make(2, 3))
        yield Sample(make(7), 3, density=True)
        yield Sample(make(7), 3, weight=make(7, low=0.5), density=True)
        yield Sample(make(8), 3, range=(-1.5, 1.0), weight=make(8, low=0.5), density=True)
        for constant in ("x", "weight"):
            yield Sample(make(5), 2, weight=make(5, low=0.5), density=True).constant(constant)
        yield Sample(make())
        yield Sample(make(0, 3), 2)
        tied = make.tensor([0.0, 0.0, 1.0, 2.0, 2.0])
        yield Sample(tied, 2).at_kink()
        yield Sample(make(5), 2, weight=tied - 1)
        yield Sample(make(3), 2, weight=make(2)).raises(RuntimeError, "same shape")

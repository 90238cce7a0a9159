"""histogramdd_from_bin_cts: how much weight is in each of a grid's equal bins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._histogram import gradients, of_range


@op(
    "histogramdd_from_bin_cts",
    overrides=(torch.ops.aten._histogramdd_from_bin_cts.default,),
)
class HistogramddFromBinCts(Function):
    """y[b] = how many of x, or how much weight, is in bin b; with density over total and volume.

    gweight is gy of the weight's bin. gx is 0: a count is constant but for its jumps, where gx is
    0 as well. But with density and no range the volumes change with the least and largest
    coordinates, which get gy's share: see _histogram.py. torch has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        bins: Sequence[int],
        range: Sequence[float] | None = None,
        weight: Tensor | None = None,
        density: bool = False,
    ) -> Tensor:
        options: Any = {"range": range, "weight": weight, "density": density}
        y = torch.ops.aten._histogramdd_from_bin_cts.default(x, bins, **options)
        ctx.save_for_backward(x, weight, y if density else None)
        ctx.bins, ctx.range = bins, range
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, y = ctx.saved_tensors
        points = x.reshape(-1, x.shape[-1])
        edges = torch.ops.aten._histogramdd_bin_edges.default(points, ctx.bins, range=ctx.range)
        flat = None if weight is None else weight.reshape(-1)
        g_weight, g_edges = gradients(gy, y, points, edges, flat)
        gx = torch.zeros_like(x)
        if y is not None and ctx.range is None and x.numel():
            columns = [of_range(g, points[:, k]) for k, g in enumerate(g_edges) if g is not None]
            gx = torch.stack(columns, -1).reshape(x.shape)
        return gx, None, None, None if weight is None else g_weight.reshape(weight.shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(6, 2), [2, 3])
        yield Sample(make(2, 3, 2), [2, 1], weight=make(2, 3))
        yield Sample(make(6, 2), [2, 2], range=[-1.0, 1.0, -1.5, 2.0], weight=make(6))
        yield Sample(make(6, 2), [2, 2], density=True)
        yield Sample(make(6, 1), [3], weight=make(6, low=0.5), density=True)
        ranged = {"range": [-1.9, 1.0, -1.5, 2.0], "density": True}
        yield Sample(make(9, 2), [2, 2], weight=make(9, low=0.5), **ranged)
        for constant in ("x", "weight"):
            weight = make(5, low=0.5)
            yield Sample(make(5, 2), [2, 1], weight=weight, density=True).constant(constant)
        yield Sample(make(5, 2), [2, 1], weight=make.tensor([0.0, 1.0, -1.0, 0.0, 2.0]))
        tied = make.tensor([[0.0], [0.0], [1.0], [2.0], [2.0]])
        yield Sample(tied, [2], density=True).at_kink()
        yield Sample(make(0, 2), [2, 1])
        points = make.tensor([[1.0, 1.0], [0.5, 2.0], [2.0, 2.0]])
        whole = Sample(points, [2, 1], range=[0.0, 2.0, 0.0, 3.0], weight=make(3))
        yield whole.at_kink()
        yield Sample(make(5, 2), [2]).raises(RuntimeError, "bin")

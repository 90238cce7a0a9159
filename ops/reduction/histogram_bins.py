"""histogram_bins: how many numbers, or how much weight, is in each of the bins between edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._histogram import gradients


@op("histogram_bins", overrides=(torch.ops.aten.histogram.bins_tensor,))
class HistogramBins(Function):
    """y[b] = how many of x, or how much weight, is in bin b; with density over total and width.

    gweight is gy of the weight's bin, and gx = 0: a count is constant but for its jumps, where gx
    is 0 as well. The edges, which are returned, get their gradient, and with density that of the
    widths: see _histogram.py. torch has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        bins: Tensor,
        weight: Tensor | None = None,
        density: bool = False,
    ) -> Any:
        found = y, _ = torch.histogram(x, bins, weight=weight, density=density)
        ctx.save_for_backward(x, weight, y if density else None, bins)
        return found

    @staticmethod
    def backward(ctx: Context, gy: Tensor, g_edges: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, y, bins = ctx.saved_tensors
        flat = None if weight is None else weight.reshape(-1)
        g_weight, (through,) = gradients(gy, y, x.reshape(-1, 1), (bins,), flat)
        g_bins = g_edges if through is None else g_edges + through
        g_own = None if weight is None else g_weight.reshape(x.shape)
        return torch.zeros_like(x), g_bins, g_own

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        edges = make.tensor([-1.7, -0.1, 0.8, 1.5])
        yield Sample(make(7), edges)
        yield Sample(make(2, 3), edges, weight=make(2, 3))
        yield Sample(make(9), edges, density=True)
        yield Sample(make(9), edges, weight=make(9, low=0.5), density=True)
        for constant in (0, 1, "weight"):
            weight = make(9, low=0.5)
            yield Sample(make(9), edges, weight=weight, density=True).constant(constant)
        yield Sample(make(5), edges, weight=make.tensor([0.0, 1.0, -1.0, 0.0, 2.0]))
        yield Sample(make(), edges)
        yield Sample(make(0, 3), edges)
        whole = make.tensor([0.0, 0.0, 1.0, 2.0, 2.0])
        yield Sample(whole, make.tensor([0.0, 1.0, 2.0]), weight=make(5)).at_kink()
        yield Sample(make(3), edges, weight=make(2)).raises(RuntimeError, "same shape")

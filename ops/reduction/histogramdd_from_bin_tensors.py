"""histogramdd_from_bin_tensors: how much weight is in each bin of a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._histogram import gradients


@op(
    "histogramdd_from_bin_tensors",
    overrides=(torch.ops.aten._histogramdd_from_bin_tensors.default,),
)
class HistogramddFromBinTensors(Function):
    """y[b] = how many of x, or how much weight, is in bin b; with density over total and volume.

    gweight is gy of the weight's bin, and gx = 0: a count is constant but for its jumps, where gx
    is 0 as well. With density the edges get the gradient of the volumes: see _histogram.py.
    torch has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        bins: Sequence[Tensor],
        weight: Tensor | None = None,
        density: bool = False,
    ) -> Tensor:
        y = torch.ops.aten._histogramdd_from_bin_tensors.default(
            x, bins, weight=weight, density=density
        )
        ctx.save_for_backward(x, weight, y if density else None, *bins)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Any, ...]:
        x, weight, y, *bins = ctx.saved_tensors
        flat = None if weight is None else weight.reshape(-1)
        g_weight, g_bins = gradients(gy, y, x.reshape(-1, x.shape[-1]), bins, flat)
        g_own = None if weight is None else g_weight.reshape(weight.shape)
        return torch.zeros_like(x), g_bins, g_own

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        edges = [make.tensor([-1.9, -0.2, 1.8]), make.tensor([-1.7, -0.1, 0.8, 1.5])]
        yield Sample(make(6, 2), edges)
        yield Sample(make(2, 3, 2), edges, weight=make(2, 3))
        yield Sample(make(9, 2), edges, density=True)
        yield Sample(make(9, 2), edges, weight=make(9, low=0.5), density=True)
        yield Sample(make(9, 1), edges[:1], weight=make(9, low=0.5), density=True)
        for constant in (0, 1, "weight"):
            weight = make(9, low=0.5)
            yield Sample(make(9, 2), edges, weight=weight, density=True).constant(constant)
        yield Sample(make(5, 2), edges, weight=make.tensor([0.0, 1.0, -1.0, 0.0, 2.0]))
        yield Sample(make(0, 2), edges)
        points = make.tensor([[0.0, 1.0], [0.0, 2.0], [3.0, 2.0]])
        whole = [make.tensor([0.0, 1.0, 3.0]), make.tensor([1.0, 2.0])]
        yield Sample(points, whole, weight=make(3)).at_kink()
        yield Sample(make(5, 2), edges[:1]).raises(RuntimeError, "bin")

"""histogramdd_bin_edges: the edges of equal bins between the ends of points' coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.reduction._histogram import of_range


@op(
    "histogramdd_bin_edges",
    overrides=(torch.ops.aten._histogramdd_bin_edges.default,),
)
class HistogramddBinEdges(Function):
    """y[k] = bins[k] + 1 edges from the least to the largest of x[..., k], or of the range.

    gx is 0 but for these ends: see _histogram.py. weight and density change nothing.
    torch has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        bins: Sequence[int],
        range: Sequence[float] | None = None,
        weight: Tensor | None = None,
        density: bool = False,
    ) -> Any:
        ctx.save_for_backward(x if range is None else None)
        return torch.ops.aten._histogramdd_bin_edges.default(
            x, bins, range=range, weight=weight, density=density
        )

    @staticmethod
    def backward(ctx: Context, *gy: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        if x is None:
            return None, None, None, None
        points = x.reshape(-1, len(gy))
        if not points.shape[0]:
            return torch.zeros_like(x), None, None, None
        columns = [of_range(g, points[:, k]) for k, g in enumerate(gy)]
        return torch.stack(columns, -1).reshape(x.shape), None, None, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2), [2, 3])
        yield Sample(make(2, 3, 1), [3])
        yield Sample(make(5, 2), [2, 1], range=[-1.0, 1.0, 0.0, 2.0])
        yield Sample(make(3, 2), [2, 1], weight=make(3), density=True)
        yield Sample(make.tensor([[0.0], [1.0], [2.0]]), [2])
        yield Sample(make(0, 2), [2, 1])
        yield Sample(make.tensor([[0.0], [0.0], [1.0], [2.0], [2.0]]), [2]).at_kink()
        yield Sample(make(5, 2), [2]).raises(RuntimeError, "bin")

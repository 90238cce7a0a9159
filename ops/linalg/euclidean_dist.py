"""euclidean_dist: the distances of the points of two sets, by a product of matrices."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "euclidean_dist",
    overrides=(torch.ops.aten._euclidean_dist.default, torch._euclidean_dist),
    aliases={"x1": "x", "x2": "y"},
)
class EuclideanDist(Function):
    """z[i, j] = 2-norm of x[i] - y[j], what cdist takes for many points.

    With r = gz / z, or 0 where z is: gx[i] = sum of r[i, j] (x[i] - y[j]) over j, and gy[j] the
    sum of r[i, j] (y[j] - x[i]) over i.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        z = _forward(x, y)
        ctx.save_for_backward(x, y, z)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y, z = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        same = z == 0
        r = torch.where(same, 0.0, gz / torch.where(same, 1.0, z))
        gx = x * r.sum(-1, True) - r @ y if need_gx else None
        gy = y * r.sum(-2).unsqueeze(-1) - r.mT @ x if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 2), make(4, 2))
        yield Sample(make(2, 3, 2), make(2, 4, 2))
        yield Sample(make(3, 2), make(4, 2)).constant(0)
        yield Sample(make(3, 2), make(4, 2)).constant(1)
        nothing = Sample(make(0, 2), make(4, 2))
        yield nothing.waive("no-nan", "an infinite point times a sum of nothing")
        zeros = make.tensor([[0.0, 1.0], [0.5, 0.0]]), make.tensor([[2.0, 0.0]])
        yield Sample(*zeros)
        equal = make.tensor([[0.0, 1.0], [0.0, 1.0]]), make.tensor([[0.0, 1.0]])
        yield Sample(*equal).at_kink()


_forward = torch.ops.aten._euclidean_dist.default

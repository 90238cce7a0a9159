"""adaptive_max_pool3d_backward: adaptive_max_pool3d's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops._outer import check_places
from plugrad.ops.pooling._places import gathered


@op(
    "adaptive_max_pool3d_backward",
    overrides=(torch.ops.aten.adaptive_max_pool3d_backward.default,),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class AdaptiveMaxPool3dBackward(Function):
    """z = zeros of y's shape with each x added at its place;  gx = gz at the places.

    Only y's shape matters.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, indices: Tensor) -> Tensor:
        check_places("adaptive_max_pool3d_backward", x, y, indices, 3)
        ctx.save_for_backward(indices)
        z: Tensor = _backward(x, y, indices.contiguous())
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (indices,) = ctx.saved_tensors
        return gathered(gz, indices, 3), flat_in(1, ctx, gz), None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for y, size in (
            (make.distinct(1, 1, 5, 3, 2), (3, 2, 1)),
            (make.distinct(2, 2, 1, 3), (2, 3, 2)),
            (make.distinct(1, 2, 3, 2, 2).movedim(1, -1), (2, 1, 1)),
            (make(0, 2, 3, 2, 2), (3, 3, 3)),
            (make.tensor([[[[0.0, 1.0]]]]), (1, 1, 2)),
        ):
            x, indices = torch._C._nn.adaptive_max_pool3d(y, size)
            yield Sample(make(*x.shape), y, indices)


_backward = torch.ops.aten.adaptive_max_pool3d_backward.default

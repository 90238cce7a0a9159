"""fractional_max_pool2d_backward: fractional_max_pool2d's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._flat import flat_in
from plugrad.ops._sizes import Sizes
from plugrad.ops.pooling._places import gathered


@op(
    "fractional_max_pool2d_backward",
    overrides=(torch.ops.aten.fractional_max_pool2d_backward.default,),
    aliases={"grad_output": "x", "self": "y"},
    linear=True,
)
class FractionalMaxPool2dBackward(Function):
    """z = zeros of y's shape with each x added at its place;  gx = gz at the places.

    Only y's shape matters.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        kernel_size: Sizes,
        output_size: Sizes,
        indices: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(indices)
        z: Tensor = _backward(x.contiguous(), y, kernel_size, output_size, indices.contiguous())
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        (indices,) = ctx.saved_tensors
        return gathered(gz, indices, 2), flat_in(1, ctx, gz), *(None,) * 3

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for y, kernel, size, starts in (
            (make.distinct(2, 2, 4, 5), (2, 2), (2, 3), make(2, 2, 2, low=0.0, high=0.99)),
            (make.distinct(2, 3, 4), [2, 1], [2, 4], make(1, 2, 2, low=0.0, high=0.99)),
            (make(0, 2, 3, 3), (2, 2), (2, 2), make(0, 2, 2)),
            (make.tensor([[[0.0, 1.0]]]), (1, 1), (1, 2), make(1, 1, 2, low=0.0, high=0.99)),
        ):
            x, indices = _forward(y, kernel, size, starts)
            yield Sample(make(*x.shape), y, kernel, size, indices)
            yield Sample(torch.zeros_like(x), y, kernel, size, indices)


_forward = torch.ops.aten.fractional_max_pool2d.default
_backward = torch.ops.aten.fractional_max_pool2d_backward.default

"""upsample_nearest_exact1d_backward: upsample_nearest_exact1d's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes
from plugrad.ops.pooling._nearest import nearest_gradient


@op(
    "upsample_nearest_exact1d_backward",
    overrides=(torch.ops.aten._upsample_nearest_exact1d_backward.default,),
    aliases={"grad_output": "x"},
    linear=True,
)
class UpsampleNearestExact1dBackward(Function):
    """z = the sum of x where an element of z went;  gx = upsample_nearest_exact1d(gz)."""

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        output_size: Sizes,
        input_size: Sizes,
        scales: float | None = None,
    ) -> Tensor:
        ctx.size = sizes(output_size, 1)
        ctx.options = (scales,)
        z: Tensor = nearest_gradient(
            _forward, _backward, x, ctx.size, sizes(input_size, 1), ctx.options
        )
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> Tensor:
        gx: Tensor = _forward(gz, ctx.size, *ctx.options)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 2, 5), (5,), (2, 2, 3))
        yield Sample(make(1, 2, 2), [2], (1, 2, 4))
        yield Sample(make(1, 1, 5), (5,), (1, 1, 5))
        yield Sample(make(1, 2, 7), [7], [1, 2, 3], 3.5)
        yield Sample(make(0, 1, 3), (3,), (0, 1, 2))
        yield Sample(make.tensor([[[0.0, -2.0, 1.0]]]), (3,), (1, 1, 2))


_forward = torch.ops.aten._upsample_nearest_exact1d.default
_backward = torch.ops.aten._upsample_nearest_exact1d_backward.default

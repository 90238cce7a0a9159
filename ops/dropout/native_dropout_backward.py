"""native_dropout_backward: dropout's gradient on CUDA devices, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "native_dropout_backward",
    overrides=(
        torch.ops.aten.native_dropout_backward.default,
        torch.ops.aten.native_dropout_backward,
    ),
    aliases={"grad_output": "x"},
    linear=True,
    elementwise=True,
)
class NativeDropoutBackward(Function):
    """y = scale x mask, mask being boolean;  gx = scale gy mask."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, mask: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.scale = float(scale)
        return _native_dropout_backward(x, mask, scale)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (mask,) = ctx.saved_tensors
        return _native_dropout_backward(gy, mask, ctx.scale)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.booleans(3, 4), 2.0)
        yield Sample(make(), make.booleans(), 1.25)
        yield Sample(make(0, 3), make.booleans(0, 3), 2.0)
        yield Sample(make(3), make.tensor([True, False, True], dtype=torch.bool), 2.0)


_native_dropout_backward = torch.ops.aten.native_dropout_backward.default

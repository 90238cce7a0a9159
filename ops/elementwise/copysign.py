"""copysign: the magnitude of x with the sign of y."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "copysign",
    methods=("copysign",),
    overrides=(torch.copysign, torch.ops.aten.copysign.Tensor, torch.ops.aten.copysign.Scalar),
    broadcasts=True,
    elementwise=True,
    equivalent={"unbroadcast-dropped[y]": "the gradient of y is zero"},
    inplace=True,
)
class Copysign(Function):
    """z = |x|, or -|x| where y is negative, which -0.0 is;  gx = gz or -gz, 0 at x = 0, gy = 0."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        z = torch.copysign(x, y)
        ctx.save_for_backward(*((x, z) if ctx.needs_input_grad[0] else (None, None)))
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, z = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = gz * (x.sign() * z.sign()) if need_gx else None
        return gx, torch.zeros_like(gz) if need_gy else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.nonzero(3, 4))
        yield Sample(make(3, 1), make.nonzero(2, 1, 4))
        yield Sample(make(3), make.nonzero(3)).constant(0)
        yield Sample(make(3), make.nonzero(3)).constant(1)
        yield Sample(make(3), -2.5)
        yield Sample(make(3), 1)
        yield Sample(make.integers(3), make.nonzero(3))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make.nonzero())
        zeros = Sample(make.tensor([0.0, 1.0, 0.0]), make.tensor([1.0, -2.0, -3.0])).at_kink()
        yield zeros
        yield Sample(make.tensor([2.0, -1.0]), make.tensor([-0.0, 0.0])).at_kink()

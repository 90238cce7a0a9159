"""heaviside: the step function."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "heaviside",
    methods=("heaviside",),
    overrides=(torch.heaviside, torch.ops.aten.heaviside.default),
    aliases={"values": "y"},
    broadcasts=True,
    elementwise=True,
    equivalent={"unbroadcast-dropped[x]": "the gradient of x is zero"},
    inplace=True,
)
class Heaviside(Function):
    """z = 0 where x < 0, 1 where x > 0, y where x = 0;  gx = 0, gy = gz where x = 0, else 0.

    gx is 0 also at the jump. torch has no gradient.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None)
        return torch.heaviside(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (x,) = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = torch.zeros_like(gz) if need_gx else None
        return gx, torch.where(x == 0, gz, 0.0) if need_gy else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), values=make(3)).constant(1)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make())
        yield (
            Sample(make.tensor([0.0, 1.0, -1.0]), make.tensor([0.5, 2.0, 3.0]))
            .constant(0)
            .waive("inplace", "torch's heaviside_ has no gradient for y")
        )
        steps = make.tensor([[0.0, 1.0, -1.0], [-0.5, 0.0, 0.0]])
        yield Sample(steps, make.tensor([0.5, 2.0, 3.0])).at_kink()

"""prelu: relu with slopes below zero that are learned, one a channel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.activation._prelu import gradients


@op(
    "prelu",
    methods=("prelu",),
    overrides=(torch.prelu, torch.nn.functional.prelu, torch.ops.aten.prelu.default),
    aliases={"weight": "y"},
)
class Prelu(Function):
    """z = x where x > 0, else x y;  gx = gz there, else gz y; gy = the sum of gz x elsewhere.

    y is one number, or one for each channel, which is dimension 1.
    He et al., "Delving deep into rectifiers", 2015.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.prelu(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor | None]:
        x, y = ctx.saved_tensors
        wide = torch.promote_types(x.dtype, y.dtype)  # in autocast each may be narrower
        shape = [-1 if i == min(1, x.dim() - 1) else 1 for i in range(x.dim())]
        gx, gy = gradients(gz.to(wide), x.to(wide), y.to(wide).reshape(shape))
        gx = gx.to(x.dtype)
        if not ctx.needs_input_grad[1]:
            return gx, None
        if y.numel() == 1:
            return gx, gy.sum().reshape(y.shape).to(y.dtype)
        return gx, gy.sum([i for i in range(x.dim()) if i != 1]).to(y.dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 2), make(3))
        yield Sample(make(2, 3), make(1))
        yield Sample(make(2, 3), make())
        yield Sample(make(3), make(1))
        yield Sample(make(3), make())
        yield Sample(make(), make())
        yield Sample(make(), make(1))
        yield Sample(make(0, 3), make(3))
        yield Sample(make(2, 3), weight=make(3))
        yield Sample(make(2, 3), make(3)).constant(0)
        yield Sample(make(2, 3), make(3)).constant(1)
        yield Sample(make.tensor([[-1.0, 1.0]]), make.tensor([0.0, 1.0]))
        yield (
            Sample(make.tensor([-1.0, 0.0]), make(1))
            .at_kink()
            .waive("second-order", "there torch takes 0 for above zero")
        )
        yield Sample(make(2, 3), make(2)).raises(RuntimeError, "parameter numbers")

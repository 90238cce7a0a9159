"""prelu_kernel: relu with slopes below zero that are learned, and broadcast."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.activation._prelu import gradients


@op(
    "prelu_kernel",
    overrides=(torch.ops.aten._prelu_kernel.default, torch._prelu_kernel),
    aliases={"weight": "y"},
    broadcasts=True,
    elementwise=True,
    waives=dict.fromkeys(
        ("second-order", "third-order"), "torch takes 0 for above zero in the second derivative"
    ),
)
class PreluKernel(Function):
    """z = x where x > 0, else x y;  gx = gz there, else gz y; gy = 0 there, else gz x."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return _prelu_kernel(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor]:
        x, y = ctx.saved_tensors
        return gradients(gz, x, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 2), make(1, 3, 1))
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3), make(1))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(1, 3))
        yield Sample(make(2, 3), make(1, 3)).constant(0)
        yield Sample(make(2, 3), make(1, 3)).constant(1)
        yield Sample(make.tensor([1.0, -1.0]), make.tensor([0.0, 0.0]))
        yield (Sample(make.tensor([-1.0, -0.0, 0.0, 2.0]), make(4)).at_kink())


_prelu_kernel = torch.ops.aten._prelu_kernel.default

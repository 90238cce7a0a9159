"""addcdiv: a tensor plus a multiple of a quotient."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number


@op(
    "addcdiv",
    methods=("addcdiv",),
    overrides=(torch.addcdiv, torch.ops.aten.addcdiv.default),
    aliases={"tensor1": "y", "tensor2": "other"},
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Addcdiv(Function):
    """z = x + value y / other;  gx = gz, gy = gz conj(value / other).

    gother = -gy conj(y / other).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, other: Tensor, *, value: complex = 1) -> Tensor:
        ctx.value = number(value)
        ctx.save_for_backward(y if ctx.needs_input_grad[2] else None, other)
        return torch.addcdiv(x, y, other, value=value)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        y, other = ctx.saved_tensors
        gy = gz * conj(ctx.value) / conj(other)
        return gz, gy, None if y is None else -gy * conj(y / other)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), make.nonzero(3, 4))
        yield Sample(make(3, 4), make(3, 4), make.nonzero(3, 4), value=-0.5)
        yield Sample(make(3), make(2, 3), make.nonzero(2, 1), value=2)
        yield Sample(make(2, 3), make(3), make.nonzero(1, 3))
        yield Sample(make.complex(3), make.complex(3), make.complex(3, low=0.5), value=2 + 1j)
        for only in range(3):
            others = [i for i in range(3) if i != only]
            yield Sample(make(3), make(3), make.nonzero(3), value=0.5).constant(*others)
        yield Sample(make(0, 3), make(3), make.nonzero(3))
        yield Sample(make(), make(), make.nonzero())
        yield Sample(make.tensor([0.0, 1.0]), make.tensor([1.0, 0.0]), make.tensor([1.0, -2.0]))

"""addcmul: a tensor plus a multiple of a product."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number


@op(
    "addcmul",
    methods=("addcmul",),
    overrides=(torch.addcmul, torch.ops.aten.addcmul.default),
    aliases={"tensor1": "y", "tensor2": "other"},
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Addcmul(Function):
    """z = x + value y other;  gx = gz, gy = gz conj(value other), gother = gz conj(value y)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, other: Tensor, *, value: complex = 1) -> Tensor:
        _, need_gy, need_gother = ctx.needs_input_grad
        ctx.value = number(value)
        ctx.save_for_backward(y if need_gother else None, other if need_gy else None)
        return torch.addcmul(x, y, other, value=value)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        y, other = ctx.saved_tensors
        scaled = gz * conj(ctx.value)
        gy = None if other is None else scaled * conj(other)
        return gz, gy, None if y is None else scaled * conj(y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), make(3, 4))
        yield Sample(make(3, 4), make(3, 4), make(3, 4), value=-0.5)
        yield Sample(make(3), make(2, 3), make(2, 1), value=2)
        yield Sample(make(2, 3), make(3), make(1, 3))
        yield Sample(make.complex(3), make.complex(3), make.complex(3), value=2 + 1j)
        for only in range(3):
            others = [i for i in range(3) if i != only]
            yield Sample(make(3), make(3), make(3), value=0.5).constant(*others)
        yield Sample(make(0, 3), make(3), make(3))
        yield Sample(make(), make(), make())
        yield Sample(*[make.tensor(n) for n in ([0.0, 1.0, 2.0], [1.0, 0.0, 2.0], [1.0, 2.0, 0.0])])

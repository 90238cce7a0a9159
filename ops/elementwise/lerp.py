"""lerp: a point on the line between two."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "lerp",
    methods=("lerp",),
    overrides=(torch.lerp, torch.ops.aten.lerp.Tensor, torch.ops.aten.lerp.Scalar),
    aliases={"end": "y"},
    broadcasts=True,
    elementwise=True,
    inplace=True,
)
class Lerp(Function):
    """z = x + weight (y - x);  gx = gz conj(1 - weight), gy = gz conj(weight).

    gweight = gz conj(y - x).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, weight: Tensor | float) -> Tensor:
        need = ctx.needs_input_grad[2]
        ctx.save_for_backward(x if need else None, y if need else None, weight)
        return torch.lerp(x, y, weight)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, weight = ctx.saved_tensors
        need_gx, need_gy, need_gweight = ctx.needs_input_grad
        gx = gz * conj(1 - weight) if need_gx else None
        gy = gz * conj(weight) if need_gy else None
        return gx, gy, gz * conj(y - x) if need_gweight else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), make(3, 4))
        yield Sample(make(3, 4), make(3, 4), 0.3)
        yield Sample(make(3), make(2, 3), make(2, 1))
        yield Sample(make(2, 3), make(3), make(1, 3))
        yield Sample(make.complex(3), make.complex(3), make.complex(3))
        for only in range(3):
            others = [i for i in range(3) if i != only]
            yield Sample(make(3), make(3), make(3)).constant(*others)
        yield Sample(make(0, 3), make(3), make(3))
        yield Sample(make(), make(), make())
        yield Sample(*[make.tensor(n) for n in ([0.0, 1.0, 2.0], [1.0, 0.0, 2.0], [1.0, 2.0, 0.0])])

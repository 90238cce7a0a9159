"""linalg.cross: the cross product of vectors of three."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number


@op(
    "linalg.cross",
    overrides=(torch.linalg.cross, torch.ops.aten.linalg_cross.default),
    broadcasts=True,
)
class Cross(Function):
    """z = x cross y along dim;  gx = conj(y) cross gz, gy = gz cross conj(x)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
        need_gx, need_gy = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, y if need_gx else None)
        ctx.dim = number(dim)
        return torch.linalg.cross(x, y, dim=dim)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        gx = None if y is None else torch.linalg.cross(conj(y), gz, dim=ctx.dim)
        gy = None if x is None else torch.linalg.cross(gz, conj(x), dim=ctx.dim)
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3), make(3))
        yield Sample(make(2, 3), make(2, 3))
        yield Sample(make(3, 2), make(3, 2), dim=0)
        yield Sample(make(3, 2), make(3, 2), dim=-2).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(4, 3, 1), make(1, 3, 2), dim=1)
        yield Sample(make.complex(2, 3), make.complex(2, 3))
        yield Sample(make(0, 3), make(0, 3))
        yield Sample(make.tensor([0.0, 1.0, -1.0]), make.tensor([1.0, 0.0, 1.0]))
        yield Sample(make(3, 3), make(3, 3), dim=0)
        yield Sample(make(2), make(2)).raises(RuntimeError, "length 3")

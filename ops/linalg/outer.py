"""outer: every element of one vector times every element of another."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "outer",
    methods=("outer", "ger"),
    overrides=(torch.outer, torch.ger, torch.ops.aten.outer.default, torch.ops.aten.ger.default),
    aliases={"vec2": "y"},
    broadcasts=True,
)
class Outer(Function):
    """z[i, j] = x[i] y[j], nothing conjugated;  gx = gz conj(y), gy = gz^T conj(x)."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        need_gx, need_gy = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, y if need_gx else None)
        return torch.outer(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        # The vectors may differ in dtype, and mv takes one dtype only.
        gx = gz.mv(conj(y).to(gz.dtype)) if need_gx else None
        gy = gz.mT.mv(conj(x).to(gz.dtype)) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2), make(3))
        yield Sample(make.complex(2), make.complex(3))
        yield Sample(make(2), make.complex(3))
        yield Sample(make.complex(2), vec2=make(3))
        yield Sample(make(2), make.integers(3))
        yield Sample(make(0), make(3))
        yield Sample(make(3), make(0))
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([-3.0, 0.0]))

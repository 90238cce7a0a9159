"""copy: another tensor's values, in this one's shape and dtype."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


def _reference(x: Tensor, y: Tensor, non_blocking: bool = False) -> Tensor:
    return x.clone().copy_(y, non_blocking)


@op(
    "copy",
    reference=_reference,
    overrides=(torch.ops.aten.copy.default,),
    aliases={"src": "y"},
    broadcasts=True,
    inplace=("copy_",),
)
class Copy(Function):
    """z = y, expanded to x's shape and cast to its dtype;  gx = 0, gy = gz."""

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, non_blocking: bool = False) -> Tensor:
        return torch.empty_like(x).copy_(y, non_blocking)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor]:
        return torch.zeros_like(gz) if ctx.needs_input_grad[0] else None, gz

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(2, 3, 4), make(3, 1))
        yield Sample(make(3, 4), make(4)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(3), make(3), True)
        yield Sample(make.complex(3), make(3))
        yield Sample(make.complex(3), make.complex(1))
        yield Sample(make(3), make.integers(3))
        yield Sample(make.integers(3), make(3))
        yield Sample(make(), make())
        yield Sample(make(0, 3), make(3))

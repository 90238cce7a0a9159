"""normal: normal numbers, of a mean and a standard deviation each."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "normal",
    overrides=(
        torch.normal,
        torch.ops.aten.normal.Tensor_Tensor,
        torch.ops.aten.normal.Tensor_float,
        torch.ops.aten.normal.float_Tensor,
    ),
    aliases={"mean": "x", "std": "y"},
    random=True,
    waives={
        "numeric": "as in torch the numbers count as drawn anew, whatever the mean is",
        "complex": "as in torch the numbers count as drawn anew, whatever the mean is",
    },
)
class Normal(Function):
    """z = normal numbers of mean x and standard deviation y, which broadcast;  gx = 0, gy = 0.

    mean + std * torch.randn(...) has gradients.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor | float = 1.0,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        ctx.likes = [(t.shape, t.dtype) if isinstance(t, Tensor) else None for t in (x, y)]
        z: Tensor = torch.normal(x, y, generator=generator)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        return tuple(
            torch.zeros_like(gz.sum_to_size(like[0]), dtype=like[1]) if need else None
            for need, like in zip(ctx.needs_input_grad, ctx.likes, strict=True)
        )

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4, low=0.3))
        yield Sample(make(3, 1), make(2, 1, 4, low=0.3))
        yield Sample(make(3), 0.5)
        yield Sample(make(3), std=2.0)
        yield Sample(make(3))
        yield Sample(2.0, make(3, low=0.3))
        yield Sample(make(3), make(3, low=0.3)).constant(0)
        yield Sample(make(3), make(3, low=0.3)).constant(1)
        yield Sample(make(), make(low=0.3))
        yield Sample(make(0, 3), make(3, low=0.3))

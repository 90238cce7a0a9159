"""linspace: numbers at equal distances, from one to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.creation import _spaced


@op(
    "linspace",
    overrides=(
        torch.linspace,
        torch.ops.aten.linspace.Tensor_Tensor,
        torch.ops.aten.linspace.Tensor_Scalar,
        torch.ops.aten.linspace.Scalar_Tensor,
    ),
    reference=_spaced.ends_in_torch,
    promotes=True,
    equivalent=dict.fromkeys(
        ("option-ignored[layout]", "option-ignored[device]", "option-ignored[pin_memory]"),
        "on a CPU there is one that can be chosen",
    ),
)
class Linspace(Function):
    """y = start (1 - s) + end s, for s = i / (steps - 1), in torch's default dtype or another.

    gstart = sum(gy (1 - s)), gend = sum(gy s). torch has no gradient of its ends, and does not
    say so.
    """

    @staticmethod
    def forward(
        ctx: Context,
        start: Any,
        end: Any,
        steps: int,
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        pin_memory: bool = False,
    ) -> Tensor:
        ctx.steps = steps
        return torch.linspace(
            start, end, steps, dtype=dtype, layout=layout, device=device, pin_memory=pin_memory
        )

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        need_gstart, need_gend, *_ = ctx.needs_input_grad
        share = _spaced.shares(gy)
        gstart = (gy * (1 - share)).sum() if need_gstart else None
        return gstart, (gy * share).sum() if need_gend else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(), make(), 5, dtype=torch.float64)
        yield Sample(make(), 2.0, 4, dtype=torch.float64)
        yield Sample(-1, end=make(), steps=4, dtype=torch.float64)
        yield Sample(make(), make(), 1, dtype=torch.float64)
        yield Sample(make(), make(), 0, dtype=torch.float64)
        yield Sample(make.complex(), make.complex(), 3, dtype=torch.complex128)
        yield Sample(make(), make(), 3)
        yield Sample(make(2), make(), 3).raises(RuntimeError, "0-dimensional")

"""logspace: numbers in equal proportions, from one power to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, Variable, op
from plugrad.ops._number import constant
from plugrad.ops.creation import _spaced


@op(
    "logspace",
    overrides=(
        torch.logspace,
        torch.ops.aten.logspace.Tensor_Tensor,
        torch.ops.aten.logspace.Tensor_Scalar,
        torch.ops.aten.logspace.Scalar_Tensor,
    ),
    reference=_spaced.powers_in_torch,
)
class Logspace(Composite):
    """y = base^linspace(start, end, steps). torch has no gradient of its ends."""

    @staticmethod
    def forward(
        start: Any,
        end: Any,
        steps: int,
        base: float = 10.0,
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        pin_memory: bool = False,
    ) -> Tensor | Variable:
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            steps = constant(steps, "logspace", "steps")
            given = (start, end, steps, base)  # whole numbers have no gradient
            numbers = [n.data if isinstance(n, Tensor | Variable) else n for n in given]
            y = _logspace(*numbers, dtype=dtype, device=device)
            return Variable(y) if isinstance(start, Variable) or isinstance(end, Variable) else y
        exponents: Any = torch.linspace(
            start, end, steps, dtype=dtype, layout=layout, device=device, pin_memory=pin_memory
        )
        return torch.pow(base, exponents)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(), make(), 5, dtype=torch.float64)
        yield Sample(make(), 2.0, 4, 2.0, dtype=torch.float64)
        yield Sample(-1, end=make(), steps=4, base=0.5, dtype=torch.float64)
        yield Sample(make(), make(), 1, dtype=torch.float64)
        yield Sample(make(), make(), 0, dtype=torch.float64)
        yield Sample(make(), make(), 3)
        yield Sample(make(), make(), 4, dtype=torch.int64)
        yield Sample(make(2), make(), 3).raises(RuntimeError, "0-dimensional")


_logspace: Any = torch.logspace

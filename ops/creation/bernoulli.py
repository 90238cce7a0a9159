"""bernoulli: ones and zeros by chance."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op


def _reference(
    x: Tensor, p: float | Tensor | None = None, *, generator: torch.Generator | None = None
) -> Tensor:
    if p is None:
        return torch.bernoulli(x, generator=generator)
    return x.clone().bernoulli_(p, generator=generator)


@op(
    "bernoulli",
    methods=("bernoulli",),
    overrides=(
        torch.bernoulli,
        torch.ops.aten.bernoulli.default,
        torch.ops.aten.bernoulli.p,
        torch.ops.aten.bernoulli.Tensor,
    ),
    reference=_reference,
    random=True,
    inplace=("bernoulli_",),
)
class Bernoulli(Function):
    """y = 1 with the probability that x says, else 0;  gx = 0.

    With p, a number or a tensor that broadcasts, that is the probability (gp = 0), and of x
    only shape and dtype matter. In place there is always a p, 0.5 unless told otherwise.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        p: float | Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        if isinstance(p, Tensor):
            ctx.p_like = p.shape, p.dtype
        if p is None:
            return torch.bernoulli(x, generator=generator)
        return x.new_empty_strided(x.shape, x.stride()).bernoulli_(p, generator=generator)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gp = ctx.needs_input_grad
        gp = None
        if need_gp:
            shape, dtype = ctx.p_like
            gp = torch.zeros_like(gy.sum_to_size(shape), dtype=dtype)
        return torch.zeros_like(gy) if need_gx else None, gp

    @staticmethod
    def overwrite(
        x: Variable, p: float | Tensor = 0.5, *, generator: torch.Generator | None = None
    ) -> None:
        """``x.bernoulli_(p)``."""
        x.copy_(Bernoulli.apply(x.detach(), p, generator=generator))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, domain="probability"))
        yield Sample(make(5, 7), 0.3)
        yield Sample(make(3), p=0.9)
        yield Sample(make(3, 4), make(3, 4, domain="probability"))
        yield Sample(make(3, 4), make(4, domain="probability"))
        yield Sample(make(3), make(3, domain="probability")).constant(0)
        yield Sample(make(3), make(3, domain="probability")).constant(1)
        yield Sample(make.integers(3), 0.5)
        yield Sample(make(domain="probability"))
        yield Sample(make(0, 3), 0.5)

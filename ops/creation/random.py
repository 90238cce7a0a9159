"""random: integers that are equally likely."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.creation._random import Filled, filled, in_place


@op(
    "random",
    reference=in_place("random_"),
    overrides=(
        getattr(torch.ops.aten.random, "from"),
        torch.ops.aten.random.to,
        torch.ops.aten.random.default,
    ),
    aliases={"from": "start", "to": "stop"},
    random=True,
    inplace=("random_",),
)
class Random(Filled):
    """y = integers drawn evenly from [0, stop) or [start, stop), in x's shape and dtype;  gx = 0.

    Called as ``random_(stop)`` or ``random_(start, stop)``; torch's names are ``from``, which
    Python reserves, and ``to``. Without bounds all integers that the dtype has are drawn.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        *bounds: int,
        start: int | None = None,
        stop: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        named = {"from": start, "to": stop}
        named = {name: bound for name, bound in named.items() if bound is not None}
        return filled(ctx, "random_", x, *bounds, **named, generator=generator)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(5, 7), 10)
        yield Sample(make(3), -2, 5)
        yield Sample(make(3), to=4)
        yield Sample(make(3), 2, to=4)
        yield Sample(make(3), 2, None)
        yield Sample(make.integers(3))
        yield Sample(make.booleans(3))
        yield Sample(make(), 5)
        yield Sample(make(0, 3), 5)

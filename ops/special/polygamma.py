"""polygamma: a derivative of digamma."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.unpack import gradient_refused
from plugrad.ops._number import number


@op(
    "polygamma",
    overrides=(torch.polygamma, torch.special.polygamma, torch.ops.aten.polygamma.default),
    aliases={"input": "x", "self": "x"},
    elementwise=True,
    waives={"no-nan": "torch has polygamma(1, x) finite at its poles, and polygamma(2, inf) nan"},
)
class Polygamma(Function):
    """y = the n-th derivative of digamma at x;  gx = gy polygamma(n + 1, x)."""

    @staticmethod
    def forward(ctx: Context, n: int, x: Tensor) -> Tensor:
        if ctx.needs_input_grad[0]:
            raise gradient_refused("polygamma", "n")
        ctx.n = number(n)
        ctx.save_for_backward(x)
        return torch.polygamma(ctx.n, x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[None, Tensor]:
        (x,) = ctx.saved_tensors
        return None, gy * torch.polygamma(ctx.n + 1, x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(1, make(3, 4, low=0.3))
        yield Sample(0, make(3, low=0.3))
        yield Sample(3, make(3, low=0.3))
        yield Sample(2, input=make(3, low=0.3))
        yield Sample(1, make.tensor([-2.5, -1.3, -0.4, 1.0, 30.0]))
        yield Sample(1, make(low=0.3))
        yield Sample(1, make(0, 3))
        yield Sample(1, make.tensor([0.0, 1.0]))
        yield Sample(-1, make(3)).raises(RuntimeError, "does not support negative n")

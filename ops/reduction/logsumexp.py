"""logsumexp: the logarithm of a sum of exponentials, a smooth maximum."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number
from plugrad.ops.reduction._dims import Dim, normal_dims, unreduced


@op(
    "logsumexp",
    methods=("logsumexp",),
    overrides=(
        torch.logsumexp,
        torch.special.logsumexp,
        torch.ops.aten.logsumexp.default,
        torch.ops.aten.special_logsumexp.default,
    ),
)
class Logsumexp(Function):
    """y = log(sum of exp(x) over dim);  gx = gy conj(exp(x - y)), the softmax.

    The softmax is divided by its sum, which is 1 but for y's rounding: of large numbers y has no
    digits left for what exp needs. Where y is infinite, gx is nan at the infinite elements of that
    sign.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: Dim, keepdim: bool = False) -> Tensor:
        dim = number(dim)
        y = torch.logsumexp(x, dim, keepdim)
        ctx.save_for_backward(x, y)
        ctx.dims = normal_dims(x, dim)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        gy, y = unreduced(gy, x.shape, ctx.dims), unreduced(y, x.shape, ctx.dims)
        shares = (x - y).exp()
        total = shares.sum(ctx.dims, True).masked_fill(y.isinf(), 1.0)
        return gy * conj(shares / total)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        infinity = float("inf")
        yield Sample(make(3, 4), 1)
        yield Sample(make(2, 3, 2), (0, -1))
        yield Sample(make(2, 3, 2), [1], True)
        yield Sample(make(3, 4), dim=-1, keepdim=True)
        yield Sample(make.tensor([[1000.0, 0.0, -1000.0], [-1000.0, -1100.0, -2000.0]]), 1)
        yield Sample(make.complex(3, 2), 0)
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make.tensor([[-infinity, -infinity], [-infinity, 0.5]]), 1)
        yield Sample(make.tensor([[infinity, 0.5], [1.0, -0.5]]), 1)
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 0)
        yield Sample(make(0, 3), 1)
        yield Sample(make.tensor([0.0, 1.0]), 0)

"""prod: the product of all elements, or of those along a dimension."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, nan

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._possibly import possibly
from plugrad.ops.elementwise._absorbing import absorbing_mul
from plugrad.ops.reduction._dims import cast, normal_dims, unreduced


@op(
    "prod",
    methods=("prod",),
    overrides=(torch.prod, torch.ops.aten.prod.default, torch.ops.aten.prod.dim_int),
)
class Prod(Function):
    """y = product of x over dim;  gx = gy conj(product of the other elements).

    That product is y / x where y is neither 0 nor infinite. A single zero is the only
    element with a gradient, and with two zeros there is none at all; second derivatives
    see through one zero more. An infinite element has a finite gradient beside finite ones,
    where torch has nan. The product of nothing is 1.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        if dim is None and not keepdim:
            y = torch.prod(x, dtype=dtype)
        else:
            y = torch.prod(x, dim, keepdim, dtype=dtype)  # type: ignore[arg-type]
        ctx.save_for_backward(x, y)
        ctx.dims = normal_dims(x, dim)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        dims, x_dtype = ctx.dims, x.dtype
        if x.dim() == 0:
            return cast(gy, x_dtype)
        x = x if x.dtype is gy.dtype else x.to(gy.dtype)
        gy = unreduced(gy, x.shape, dims)
        size = y.abs()
        divides = (size >= torch.finfo(size.dtype).tiny) & (size < inf)
        if not possibly(~divides, True):
            return cast(gy * conj(unreduced(y, x.shape, dims) / x), x_dtype)
        if dims is None:
            others = _products_of_others(x.reshape(-1), 0).reshape(x.shape)
        else:
            others = _products_of_others(x, dims[0])
        return cast(absorbing_mul(gy, conj(others)), x_dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.nonzero(3, 4))
        yield Sample(make.nonzero(3, 4), 1)
        yield Sample(make.nonzero(3, 4), -2, True)
        yield Sample(make.nonzero(3, 4), dim=0, keepdim=True)
        yield Sample(make.nonzero(3), dtype=torch.float32)
        yield Sample(make.nonzero(3, 2).float(), 0, dtype=torch.float64)
        yield Sample(make.complex(2, 3))
        yield Sample(make.complex(2, 3), 1)
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make.tensor([2.0, 0.0, 3.0, -1.5]))
        yield Sample(make.tensor([[2.0, 0.0, 3.0], [0.0, 1.5, -1.0]]))
        yield Sample(make.tensor([0.0, 2.0, 0.0, 0.0]))
        yield Sample(make.tensor([[2.0, 0.0, 3.0], [0.0, 1.5, 0.0], [1.0, 2.0, 3.0]]), 1)
        yield Sample(make.tensor([[2.0, 0.0], [0.0, 0.0], [-1.0, 2.0]]), 0, True)
        yield Sample(make.tensor([2 + 1j, 0, 1j], dtype=torch.complex128))
        divided = "it divides y by x, which is nan where both are infinite or nan"
        for special in (inf, nan):
            yield Sample(make.tensor([special, 1.0, 2.0])).without_oracle(divided)
        yield Sample(make.tensor(0.0))
        yield Sample(make.nonzero(), 0)
        yield Sample(make(0))
        yield Sample(make(0, 3), 0)
        yield Sample(make(0, 3), 1)


def _products_of_others(x: Tensor, dim: int) -> Tensor:
    """For every element the product of all others along ``dim``, without a division."""
    last = x.size(dim) - 1
    one = torch.ones_like(x.narrow(dim, 0, 1))
    before = torch.cat([one, x.narrow(dim, 0, last)], dim).cumprod(dim)
    after = torch.cat([x.narrow(dim, 1, last), one], dim).flip(dim).cumprod(dim).flip(dim)
    return absorbing_mul(before, after, True)

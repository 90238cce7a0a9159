"""cumprod: the running product along a dimension."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.elementwise._absorbing import absorbing_mul
from plugrad.ops.reduction._dims import cast


@op("cumprod", methods=("cumprod",), overrides=(torch.cumprod,), inplace=True)
class Cumprod(Function):
    """y[i] = x[0] ... x[i];  gx[k] = conj(y[k-1]) t[k],  t[k] = gy[k] + conj(x[k+1]) t[k+1].

    Here y[-1] = 1 and t[n] = 0. There is no division, so zeros in x need no care, and an
    infinite one has a finite gradient beside finite ones, where torch has nan.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
        y = torch.cumprod(x, dim, dtype=dtype)
        ctx.save_for_backward(x, y)
        ctx.dim = int(dim)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        x, x_dtype = cast(x, y.dtype), x.dtype
        if x.dim() == 0 or x.numel() == 0:
            return cast(gy, x_dtype)
        dim, last = ctx.dim, x.size(ctx.dim) - 1
        before = torch.cat([torch.ones_like(y.narrow(dim, 0, 1)), y.narrow(dim, 0, last)], dim)
        # Then so are all products of neighbours, which the steps below make.
        finite = bool(x.detach().abs().clamp(min=1).prod(dim).isfinite().all())
        t = _recurrence(gy, conj(x.narrow(dim, 1, last)), dim, finite)
        return cast(_product(t, conj(before), finite), x_dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0)
        yield Sample(make(3, 5), -1)
        yield Sample(make(8), dim=0)
        yield Sample(make(1, 3), axis=0)
        yield Sample(make.complex(5), 0)
        yield Sample(make.tensor([2.0, 0.0, 3.0, 0.0, 1.5]), 0)
        yield Sample(make.tensor([[0.0, 2.0, 3.0], [1.0, 0.0, 0.0]]), 1)
        yield Sample(make.tensor([1j, 0, 2 - 1j], dtype=torch.complex128), 0)
        yield Sample(make.nonzero(4), 0, dtype=torch.float64)
        yield Sample(make.integers(4), 0, dtype=torch.float32)
        yield Sample(make.integers(4), 0)
        infinite = make.tensor([2.0, inf, 3.0, 0.5])
        yield Sample(infinite, 0).without_oracle("it divides by x, and inf / inf is nan")
        yield Sample(make(), 0)
        yield Sample(make(0, 3), 0)
        yield Sample(make(0, 3), 1)


def _recurrence(g: Tensor, factors: Tensor, dim: int, finite: bool) -> Tensor:
    """t[k] = g[k] + factors[k] t[k+1], for all k at once in about log2(n) steps.

    After each step t[k] holds the terms up to g[k + step - 1], and ``factors[k]`` is the
    product of the original ones from k to k + step - 1.
    """
    length, step, t = g.size(dim), 1, g
    while step < length:
        rest = length - step
        later = _product(t.narrow(dim, step, rest), factors, finite)
        t = torch.cat([t.narrow(dim, 0, rest) + later, t.narrow(dim, rest, step)], dim)
        pairs = max(rest - step, 0)
        ahead = factors.narrow(dim, rest - pairs, pairs)
        factors = factors.narrow(dim, 0, pairs)
        factors = factors * ahead if finite else absorbing_mul(factors, ahead, True)
        step *= 2
    return t


def _product(t: Tensor, factors: Tensor, finite: bool) -> Tensor:
    """``t`` times ``factors``; a t of 0, of an output nobody asks about, outweighs inf."""
    return t * factors if finite else absorbing_mul(t, factors)

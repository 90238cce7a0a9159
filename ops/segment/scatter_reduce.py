"""scatter_reduce: elements reduced along a dimension, each at its own index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.indexing._placed import placed


@op(
    "scatter_reduce",
    methods=("scatter_reduce",),
    overrides=(torch.scatter_reduce, torch.ops.aten.scatter_reduce.two),
    inplace=True,
)
class ScatterReduce(Function):
    """z = x with the src[i, j] of each place [index[i, j], j] reduced into it (here dim = 0).

    reduce is sum, prod, mean, amax or amin; without include_self x does not count at the places.
    gx, gsrc = gz for a sum; gz divided by how many there are for a mean; gz times the others for
    a prod; gz in equal parts to those that are z for amax and amin. Of several zeros in a product
    each has a second derivative here, which torch refuses.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: int,
        index: Tensor,
        src: Tensor,
        reduce: str,
        *,
        include_self: bool = True,
    ) -> Tensor:
        z = torch.scatter_reduce(x, dim, index, src, reduce, include_self=include_self)
        ctx.dim, ctx.reduce, ctx.include_self = int(dim), reduce, include_self
        ctx.src_shape = src.shape
        ctx.save_for_backward(index, *(() if reduce in ("sum", "mean") else (x, src, z)))
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, None, None, Tensor]:
        index, *saved = ctx.saved_tensors
        if index.numel() == 0:
            return gz, None, None, gz.new_zeros(ctx.src_shape)
        shape, sizes = gz.shape, ctx.src_shape or (1,)
        used = tuple([slice(n) for n in index.shape or (1,)])
        if not shape:  # the same with one dimension
            gz, index = gz.reshape(1), index.reshape(-1)
        if saved:
            x, src, z = saved
            saved = [x.reshape(gz.shape), src.reshape(sizes)[used], z.reshape(gz.shape)]
        gx, gsrc = _RULES[ctx.reduce](ctx, gz, index, *saved)
        if not ctx.include_self:
            gx = gx.scatter(ctx.dim, index, 0)
        return gx.reshape(shape), None, None, placed(gsrc, sizes, used).reshape(ctx.src_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        index = make.tensor([[2, 0, 1, 0], [2, 2, 1, 2]], dtype=torch.int64)
        for reduce in ("sum", "mean", "prod", "amax", "amin"):
            x, src = make.distinct(3, 4), make.distinct(2, 4) + 0.01
            yield Sample(x, 0, index, src, reduce)
            yield Sample(x, 0, index, src, reduce, include_self=False)
            yield Sample(make.distinct(4, 5), -1, index % 3, make.distinct(3, 5) + 0.01, reduce)
        ties = make.tensor([[1.0, 2.0, 2.0, 0.0], [1.0, 2.0, 1.0, 1.0]])
        yield Sample(make.tensor([[2.0] * 4] * 3), 0, index, ties, "amax").at_kink()
        alike = Sample(make.tensor([[2.0] * 4] * 3), 0, index, ties, "amin", include_self=False)
        yield alike.at_kink().without_oracle("it counts x if it is the result")
        zeros = make.tensor([[0.0, 2.0, 0.0, 3.0], [0.0, 0.0, 4.0, 1.0]])
        of_zeros = Sample(make.tensor([[0.0, 2.0, 3.0, 0.0]] * 3), 0, index, zeros, "prod")
        yield of_zeros.waive("second-order", "torch has none where two factors are zero")
        yield Sample(make(3), 0, index[0], make(4), reduce="mean").constant(0)
        yield Sample(make(3), 0, index[0], make(4), reduce="prod").constant(3)
        yield Sample(make(), 0, index[0] * 0, make(4), "prod")
        yield Sample(make(), 0, index[0, 0] * 0, make(), "mean", include_self=False)
        yield Sample(make(3, 2), 0, index[:0, :2], make(2, 2), "mean")
        yield Sample(make.integers(3), 0, index[0], make.integers(4), "prod")


def _sum(ctx: Context, gz: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    return gz, gz.gather(ctx.dim, index)


def _mean(ctx: Context, gz: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    counts = torch.full(gz.shape, int(ctx.include_self), device=index.device)
    share = gz / counts.scatter_add(ctx.dim, index, torch.ones_like(index)).clamp(min=1)
    return share, share.gather(ctx.dim, index)


def _prod(
    ctx: Context, gz: Tensor, index: Tensor, x: Tensor, src: Tensor, z: Tensor
) -> tuple[Tensor, Tensor]:
    dim, kept = ctx.dim, ctx.include_self

    def product(x: Tensor, src: Tensor) -> Tensor:
        return x.scatter_reduce(dim, index, src, "prod", include_self=kept)

    whole = x.masked_fill(x == 0, 1)
    gx = gz * conj(product(whole, src) / whole)
    zero = src == 0
    gsrc = (gz * conj(z)).gather(dim, index) / conj(src.masked_fill(zero, 1))
    numbers = torch.arange(index.numel(), device=index.device).reshape(index.shape)
    while zero.any():  # one zero of each place after the other: what the product is without it
        last = torch.full(gz.shape, -1, device=index.device)
        last = last.scatter_reduce(dim, index, torch.where(zero, numbers, -1), "amax")
        one = zero.logical_and(last.gather(dim, index) == numbers)
        others = gz * conj(product(x, src.masked_fill(one, 1)))
        gsrc = torch.where(one, others.gather(dim, index), gsrc)
        zero = zero.logical_and(one.logical_not())
    return gx, gsrc


def _extremum(
    ctx: Context, gz: Tensor, index: Tensor, x: Tensor, src: Tensor, z: Tensor
) -> tuple[Tensor, Tensor]:
    dim = ctx.dim
    mine, theirs = (x == z).to(torch.int64), (src == z.gather(dim, index)).to(torch.int64)
    if not ctx.include_self:
        mine = mine.scatter(dim, index, 0)
    share = gz / mine.scatter_add(dim, index, theirs).clamp(min=1)
    return share * mine, share.gather(dim, index) * theirs


_RULES: dict[str, Any] = {
    "sum": _sum, "mean": _mean, "prod": _prod, "amax": _extremum, "amin": _extremum,
}  # fmt: skip

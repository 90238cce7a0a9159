"""scatter_reduce: elements reduced along a dimension, each at its own index."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._placed import placed
from plugrad.ops.segment._scattered import RULES


@op(
    "scatter_reduce",
    methods=("scatter_reduce",),
    overrides=(torch.scatter_reduce, torch.ops.aten.scatter_reduce.two),
    inplace=True,
)
class ScatterReduce(Function):
    """z = x with the src[i, j] of each place [index[i, j], j] reduced into it (here dim = 0).

    reduce is sum, prod, mean, amax or amin; without include_self x does not count at the
    places. gx, gsrc = gz for a sum; gz divided by how many there are for a mean; gz times
    the others for a prod; gz in equal parts to those that are z for amax and amin. With
    several zeros in a product each has a second derivative here, which torch refuses.
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
        gx, gsrc = RULES[ctx.reduce](ctx, gz, index, *saved)
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
        for reduce in ("mean", "prod", "amin"):
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

"""gather: elements along a dimension, each by its own index."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._sparse_gather import sparse_gradient


@op(
    "gather",
    methods=("gather",),
    overrides=(torch.gather, torch.ops.aten.gather.default),
    linear=True,
    equivalent={
        "option-ignored[sparse_grad]": "the laws compare no sparse gradient with a dense one: "
        "tests/ops/indexing/test_gather.py does"
    },
)
class Gather(Function):
    """y[i, j] = x[index[i, j], j] (here dim = 0);  gx = zeros with gy added there.

    An element that is named twice gets both gradients. With sparse_grad the gradient is sparse,
    unless it is to be differentiated.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False
    ) -> Tensor:
        ctx.x_shape, ctx.dim = x.shape, int(dim)
        ctx.sparse = bool(sparse_grad)
        ctx.save_for_backward(index)
        return x.gather(dim, index)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (index,) = ctx.saved_tensors
        backward = sparse_gradient if ctx.sparse and isinstance(gy, Tensor) else _gradient
        return backward(gy, ctx.x_shape, ctx.dim, index)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 0, make.integers(2, 4, high=3))
        yield Sample(make(3, 4), -1, make.integers(3, 5, high=4))
        yield Sample(make(3, 4), 1, make.integers(2, 2, high=4))
        yield Sample(make(2, 3, 2), dim=1, index=make.integers(2, 4, 1, high=3))
        yield Sample(make(4), 0, make.integers(6, high=4), sparse_grad=False)
        yield Sample(make.complex(3), 0, make.integers(4, high=3))
        yield Sample(make(3, 2), 0, make.integers(0, 2))
        yield Sample(make(3), 0, make.tensor(1, dtype=torch.int64))
        yield Sample(make(), 0, make.tensor(0, dtype=torch.int64))


def _gradient(gy: Tensor, shape: torch.Size, dim: int, index: Tensor) -> Tensor:
    # One zero expanded: scatter_add itself makes the copy that it fills.
    return gy.new_zeros(()).expand(shape).scatter_add(dim, index, gy)

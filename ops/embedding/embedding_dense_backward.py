"""embedding_dense_backward: embedding's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.embedding._rows import rows_of


@op(
    "embedding_dense_backward",
    overrides=(
        torch.ops.aten.embedding_dense_backward.default,
        torch.ops.aten.embedding_dense_backward,
    ),
    aliases={"grad_output": "x"},
    linear=True,
)
class EmbeddingDenseBackward(Function):
    """y = zeros of num_weights rows with x's rows added at indices;  gx = rows of gy.

    Except those at padding_idx, if that is not negative. With scale_grad_by_freq each row is
    divided by how often its index stands in indices; torch's second derivative forgets that.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        indices: Tensor,
        num_weights: int,
        padding_idx: int,
        scale_grad_by_freq: bool,
    ) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.padding_idx, ctx.by_freq = int(padding_idx), bool(scale_grad_by_freq)
        ctx.x_shape = x.shape
        return _backward(x, indices, num_weights, padding_idx, scale_grad_by_freq)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (indices,) = ctx.saved_tensors
        return rows_of(gy, indices, ctx.padding_idx, ctx.by_freq).reshape(ctx.x_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 2), make.integers(3, high=4), 4, -1, False)
        yield Sample(make(2, 3, 2), make.integers(2, 3, high=4), 4, 1, False)
        yield Sample(make(5, 2), make.integers(5, high=2), 2, 0, False)
        yield Sample(make(2), make.integers(high=4), 4, -1, False)
        yield Sample(make(0, 2), make.integers(0, high=4), 4, -1, False)
        repeated = make.tensor([1, 0, 1, 1], dtype=torch.int64)
        by_freq = Sample(make(4, 2), repeated, 3, -1, True)
        yield by_freq.without_oracle("it does not divide")
        padded = Sample(make(4, 2), repeated, 3, 0, True)
        yield padded.without_oracle("it does not divide")
        yield Sample(make(4, 2), make.integers(4, high=4).int(), 4, -1, False)


_backward = torch.ops.aten.embedding_dense_backward.default

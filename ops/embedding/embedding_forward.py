"""embedding_forward: torch.embedding, which takes the table first."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.embedding._rows import NO_SPARSE_SAMPLE, by_choice, sparse_gradient


@op(
    "embedding_forward",
    overrides=(torch.embedding, torch.ops.aten.embedding.default),
    aliases={"weight": "x"},
    linear=True,
    equivalent={"option-ignored[sparse]": NO_SPARSE_SAMPLE},
)
class EmbeddingForward(Function):
    """y = the rows of x that indices name;  gx = zeros with gy's rows added there.

    A row at padding_idx, if that is not negative, gets no gradient. With scale_grad_by_freq
    each row's is divided by how often its index stands in indices. With sparse=True gx is a
    sparse tensor, in which a row stands as often as it was named.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        indices: Tensor,
        padding_idx: int = -1,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.arguments = x.shape[0], int(padding_idx), bool(scale_grad_by_freq)
        ctx.sparse = bool(sparse)
        return torch.embedding(x, indices, padding_idx, scale_grad_by_freq, sparse)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (indices,) = ctx.saved_tensors
        backward = sparse_gradient if ctx.sparse else _backward
        return backward(gy, indices, *ctx.arguments)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 2), make.integers(3, high=4))
        yield by_choice(Sample(make(4, 2), make.integers(2, 3, high=4), 1))
        yield Sample(make(4, 2), make.integers(high=4))
        nothing = Sample(make(4, 2), make.integers(0, high=4))
        yield nothing.waive("second-order", "torch cannot reshape nothing")
        yield Sample(make(4, 0), make.integers(3, high=4))
        yield by_choice(Sample(make(2, 2), make.integers(5, high=2).int(), padding_idx=0))
        repeated = make.tensor([1, 0, 1, 1], dtype=torch.int64)
        yield by_choice(Sample(make(3, 2), repeated, scale_grad_by_freq=True), True)
        yield by_choice(Sample(make(3, 2), repeated, 0, True), True)


_backward = torch.ops.aten.embedding_dense_backward.default

"""nn.functional.embedding: rows of a table, by index."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.embedding._rows import NO_SPARSE_SAMPLE, by_choice, sparse_gradient


@op(
    "nn.functional.embedding",
    overrides=(torch.nn.functional.embedding,),
    linear=True,
    equivalent={"option-ignored[sparse]": NO_SPARSE_SAMPLE},
)
class Embedding(Function):
    """y = the rows of weight that x names;  gweight = zeros with gy's rows added there.

    A row at padding_idx gets no gradient. With scale_grad_by_freq each row's is divided by how
    often its index stands in x. With max_norm the named rows with a larger norm are first
    scaled down to it, in place. With sparse=True gweight is a sparse
    tensor, in which a row stands as often as it was named.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Tensor:
        y = torch.nn.functional.embedding(
            x, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq
        )
        ctx.save_for_backward(x)
        rows = weight.shape[0]
        padding = -1 if padding_idx is None else int(padding_idx) % rows
        ctx.arguments = rows, padding, bool(scale_grad_by_freq)
        ctx.sparse = bool(sparse)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[None, Tensor]:
        (x,) = ctx.saved_tensors
        backward = sparse_gradient if ctx.sparse else _backward
        return None, backward(gy, x, *ctx.arguments)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.integers(3, high=4), make(4, 2))
        yield by_choice(Sample(make.integers(2, 3, high=4), make(4, 2), 1))
        yield Sample(make.integers(high=4), make(4, 2))
        nothing = Sample(make.integers(0, high=4), make(4, 2))
        yield nothing.waive("second-order", "torch cannot reshape nothing")
        yield Sample(make.integers(3, high=4), make(4, 0))
        yield by_choice(Sample(make.integers(6, high=3).int(), make(3, 2), padding_idx=-1))
        repeated = make.tensor([1, 0, 1, 1], dtype=torch.int64)
        yield by_choice(Sample(repeated, make(3, 2), scale_grad_by_freq=True), True)
        yield by_choice(Sample(repeated, make(3, 2), 0, None, 2.0, True), True)
        for norm in (1.0, 2.0):
            scaled = Sample(repeated, make(3, 2, low=1.0), max_norm=0.5, norm_type=norm)
            scaled = scaled.waive("inputs-unchanged", "max_norm scales rows of the table")
            reason = "what max_norm does has no gradient"
            yield scaled.waive("numeric", reason).waive("complex", reason)
        yield Sample(make.integers(3, high=4), make(4, 2), 4).raises(AssertionError, "Padding_idx")


_backward = torch.ops.aten.embedding_dense_backward.default

"""pack_padded_sequence: sequences of several lengths, the steps of all one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.counted import counted
from plugrad.errors import ArgumentError


@op(
    "pack_padded_sequence",
    overrides=(torch._VF._pack_padded_sequence, torch.ops.aten._pack_padded_sequence.default),
    linear=True,
)
class PackPaddedSequence(Function):
    """y = step 0 of each sequence, then step 1, ...; without the padding;  gx = gy where x was.

    x is (steps, sequences, ...), or (sequences, steps, ...) if batch_first; lengths, in
    decreasing order, say how much of each is not padding. The second output is how many
    sequences have a step. torch.nn.utils.rnn.pack_padded_sequence sorts, and calls this.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, lengths: Tensor, batch_first: bool
    ) -> tuple[Tensor, Tensor]:
        steps = x.shape[1 if batch_first else 0]
        if lengths.numel() and int(lengths[0]) > steps:  # torch reads what is behind x
            raise ArgumentError(
                f"a sequence of length {int(lengths[0])} cannot be packed: x has "
                f"{counted(steps, 'step')}",
                where=f"a call of pack_padded_sequence, x of shape {tuple(x.shape)}",
                fix="give lengths that are at most the number of steps; batch_first=True says that "
                "x is (sequences, steps, ...)",
            )
        y, sizes = torch.ops.aten._pack_padded_sequence.default(x, lengths, batch_first)
        ctx.save_for_backward(sizes)
        ctx.arguments = x.shape, bool(batch_first)
        ctx.mark_non_differentiable(sizes)
        return y, sizes

    @staticmethod
    def backward(ctx: Context, gy: Tensor, _: object) -> Tensor:
        (sizes,) = ctx.saved_tensors
        shape, batch_first = ctx.arguments
        return _backward(gy, shape, sizes, batch_first)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 3, 2), make.tensor([4, 2, 1], dtype=torch.int64), False)
        yield Sample(make(3, 4, 2), make.tensor([3, 3, 2], dtype=torch.int64), True)
        yield Sample(make(2, 5), make.tensor([5, 1], dtype=torch.int64), batch_first=True)
        yield Sample(make(1, 1, 1), make.tensor([1], dtype=torch.int64), False)
        yield Sample(make(4, 2), make.tensor([1, 2], dtype=torch.int64), False).raises(
            RuntimeError, "decreasing"
        )
        yield Sample(make(2, 2), make.tensor([3, 1], dtype=torch.int64), False).raises(
            ArgumentError, "length 3 cannot be packed: x has 2 steps"
        )


_backward = torch.ops.aten._pack_padded_sequence_backward.default

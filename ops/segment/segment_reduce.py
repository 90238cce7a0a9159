"""segment_reduce: neighbouring elements reduced, segment by segment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops._number import number
from plugrad.ops._strides import with_canonical_strides
from plugrad.ops.segment._segments import gradient, refuse_beyond, segments
from plugrad.ops.segment._segments_reference import reference


@op(
    "segment_reduce",
    overrides=(torch.segment_reduce, torch.ops.aten.segment_reduce.default),
    reference=reference,
    aliases={"data": "x"},
    equivalent={"option-ignored[axis]": "the shapes of lengths and offsets allow but one axis"},
)
class SegmentReduce(Function):
    """y[s] = the sum, mean, prod, max or min of x in the segment s along axis, and of initial.

    Segment s has lengths[s] elements, or goes from offsets[s] to offsets[s+1]. gx = gy[s] for a
    sum, gy[s] / n for a mean of n, gy[s] times the others for a prod, gy[s] in equal parts to
    those that are y[s] for max and min. torch has no second derivative, and its kernel for the
    first, which is not used here, gives all of a negative gy to each of those that tie.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        reduce: str,
        *,
        lengths: Tensor | None = None,
        indices: Tensor | None = None,
        offsets: Tensor | None = None,
        axis: int = 0,
        unsafe: bool = False,
        initial: float | None = None,
    ) -> Tensor:
        ctx.reduce, ctx.axis, ctx.initial = reduce, number(axis), number(initial)
        how: Any = {"axis": ctx.axis, "unsafe": unsafe, "initial": ctx.initial}
        refuse_beyond(x, lengths, offsets, ctx.axis)
        y = _reduced(x, reduce, lengths=lengths, indices=indices, offsets=offsets, **how)
        ctx.save_for_backward(x, y, lengths, offsets)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y, lengths, offsets = ctx.saved_tensors
        where: Any = {"lengths": lengths, "offsets": offsets, "axis": ctx.axis}

        def product(x: Tensor) -> Tensor:
            how: Any = {**where, "unsafe": True, "initial": ctx.initial}
            return _reduced(x, "prod", **how)

        return gradient(gy, x, y, ctx.reduce, segments(x, **where), product)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        lengths, offsets = torch.tensor([3, 0, 2]), torch.tensor([0, 3, 3, 5])
        for reduce in ("sum", "mean", "prod", "max", "min"):
            yield Sample(make.distinct(5), reduce, lengths=lengths)
            yield Sample(make.distinct(5, 2), reduce, offsets=offsets, initial=0.5)
        several = torch.tensor([[1, 2], [3, 0]])
        for reduce in ("mean", "prod", "max"):
            yield Sample(make.distinct(2, 3, 2), reduce, lengths=several, axis=1)
        yield Sample(make.distinct(4, 2), "max", offsets=torch.tensor([1, 2, 3]), unsafe=True)
        yield Sample(make.distinct(5), "prod", lengths=lengths.int(), initial=2)
        yield Sample(make.tensor([1.0, 2.0, 2.0, 0.0, 3.0]), "max", lengths=lengths).at_kink()
        zeros = make.tensor([0.0, 2.0, 0.0, 0.0, 3.0])
        yield Sample(zeros, "prod", lengths=lengths)
        yield Sample(zeros, "prod", lengths=lengths, initial=2.0)
        yield Sample(make(0, 2), "sum", lengths=torch.tensor([0, 0]))
        for sizes in ([2, 2], [-1, 1]):
            far = Sample(make(3), "sum", lengths=torch.tensor(sizes), unsafe=True)
            yield far.raises(ArgumentError, "beyond the 3 elements")
        for places in ([0, 4], [2, 1], [-1, 2]):
            far = Sample(make(3), "sum", offsets=torch.tensor(places))
            yield far.raises(ArgumentError, "beyond the 3 elements")
        both = Sample(make(1, 3), "sum", lengths=torch.tensor([[1, 2], [3, 0]]), axis=1)
        yield both.raises(ArgumentError, "dimensions are those of the tensor")
        indexed = Sample(make(2), "sum", indices=torch.tensor([0, 0]))
        yield indexed.raises(RuntimeError, "not supported yet")


def _reduced(
    x: Tensor, reduce: str, *, lengths: Tensor | None, offsets: Tensor | None, **how: Any
) -> Tensor:
    """segment_reduce. The kernel steps by ``stride(axis)``, also if the size of axis is 1."""
    x = with_canonical_strides(x, images=False)
    lengths, offsets = [
        t if t is None else with_canonical_strides(t, images=False) for t in (lengths, offsets)
    ]
    return torch.segment_reduce(x, reduce, lengths=lengths, offsets=offsets, **how)

"""max_unpool2d: elements put where a max_pool2d took them from, zeros elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes
from plugrad.ops.pooling._places import gathered, shared, winners


@op(
    "max_unpool2d",
    overrides=(torch.ops.aten.max_unpool2d.default,),
    equivalent={"state-shared": "which element is the last does not depend on what they are"},
)
class MaxUnpool2d(Function):
    """y = zeros with each x at its place;  gx = gy at the places.

    Of several x for one place y has the last (of one of torch's threads), and only that has a
    gradient; in torch each has it.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        indices: Tensor,
        output_size: Sizes,
    ) -> Tensor:
        y: Tensor = _forward(x, indices, sizes(output_size, 2))
        both = x, y
        ctx.save_for_backward(indices, *(both if shared(indices, y, 2) else (None, None)))
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        indices, x, y = ctx.saved_tensors
        gx = gathered(gy, indices, 2)
        return gx if x is None else gx * winners(x, indices, y, 2)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape, size in (((2, 2, 2, 2), (4, 3)), ((2, 1, 3), (3, 4)), ((1, 3, 2, 1), [2, 3])):
            sample = Sample(make(*shape), _places(make, shape, size), size)
            yield sample.waive("dimensions", _WHY)
        places = make.tensor([[[0, 3, 3]]], dtype=torch.int64)
        twice = Sample(make.tensor([[[0.5, 1.0, 2.0]]]), places, (2, 2))
        yield twice.without_oracle("an element that is overwritten has a gradient there")
        same = Sample(make.tensor([[[0.5, 1.0, 1.0]]]), places, (2, 2))
        yield same.without_oracle("an element that is overwritten has a gradient there")
        last = Sample(make(2, 2, 2, 3).movedim(1, -1), _places(make, (2, 2, 3, 2), (3, 3)), (3, 3))
        yield last.waive("dimensions", _WHY)
        yield Sample(make(0, 2, 2, 2), _places(make, (0, 2, 2, 2), (4, 4)), [4, 4])
        wrong = make.tensor([[[9]]], dtype=torch.int64)
        yield Sample(make(1, 1, 1), wrong, (2, 2)).raises(RuntimeError, "index|indices")


def _places(make: SampleMaker, shape: tuple[int, ...], size: Sequence[int]) -> Tensor:
    """Different places for the elements of each channel."""
    space = torch.Size(size).numel()
    order = make(*shape[:-2], space).argsort(-1)
    return order[..., : torch.Size(shape[-2:]).numel()].reshape(shape)


_forward = torch.ops.aten.max_unpool2d.default
_WHY = "it makes places alike, for which torch's gradient is wrong"

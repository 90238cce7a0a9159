"""max_unpool3d: elements put where a max_pool3d took them from, zeros elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes
from plugrad.ops.pooling._places import gathered, shared, winners


@op(
    "max_unpool3d",
    overrides=(torch.ops.aten.max_unpool3d.default,),
    equivalent={"state-shared": "which element is the last does not depend on what they are"},
)
class MaxUnpool3d(Function):
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
        stride: Sizes,
        padding: Sizes,
    ) -> Tensor:
        y: Tensor = _forward(x, indices, sizes(output_size, 3), stride, padding)
        both = x, y
        ctx.save_for_backward(indices, *(both if shared(indices, y, 3) else (None, None)))
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        indices, x, y = ctx.saved_tensors
        gx = gathered(gy, indices, 3)
        return gx if x is None else gx * winners(x, indices, y, 3)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        one, none = (1, 1, 1), (0, 0, 0)
        for shape, size, stride, padding in (
            ((1, 2, 2, 1, 2), (2, 3, 2), (1, 2, 1), none),
            ((1, 1, 3, 1), (2, 4, 2), [2, 2, 2], [1, 1, 0]),
            ((1, 2, 1, 2), [2, 2, 3], one, none),
        ):
            sample = Sample(make(*shape), _places(make, shape, size), size, stride, padding)
            yield sample.waive("dimensions", _WHY) if size[0] == 2 and shape[-1] != 1 else sample
        places = make.tensor([[[[0, 3, 3]]]], dtype=torch.int64)
        rest = (1, 2, 2), one, none
        twice = Sample(make.tensor([[[[0.5, 1.0, 2.0]]]]), places, *rest)
        yield twice.without_oracle("an element that is overwritten has a gradient there")
        same = Sample(make.tensor([[[[0.5, 1.0, 1.0]]]]), places, *rest)
        yield same.without_oracle("an element that is overwritten has a gradient there")
        last, size = make(1, 1, 2, 2, 3).movedim(1, -1), (2, 3, 2)
        sample = Sample(last, _places(make, (1, 2, 2, 3, 1), size), size, one, none)
        yield sample.waive("dimensions", _WHY)
        yield Sample(
            make(0, 2, 1, 2, 2), _places(make, (0, 2, 1, 2, 2), (2, 2, 2)), [2, 2, 2], one, none
        )
        wrong = make.tensor([[[[9]]]], dtype=torch.int64)
        yield Sample(make(1, 1, 1, 1), wrong, *rest).raises(RuntimeError, "index|indices")


def _places(make: SampleMaker, shape: tuple[int, ...], size: Sequence[int]) -> Tensor:
    """Different places for the elements of each channel."""
    space = torch.Size(size).numel()
    order = make(*shape[:-3], space).argsort(-1)
    return order[..., : torch.Size(shape[-3:]).numel()].reshape(shape)


_forward = torch.ops.aten.max_unpool3d.default
_WHY = "it makes places alike, for which torch's gradient is wrong"

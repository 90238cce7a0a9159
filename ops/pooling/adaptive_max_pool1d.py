"""nn.functional.adaptive_max_pool1d: maxima of windows that fit the output's size."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes
from plugrad.ops.pooling import _places


@op(
    "nn.functional.adaptive_max_pool1d",
    overrides=(torch.nn.functional.adaptive_max_pool1d,),
)
class AdaptiveMaxPool1d(Function):
    """y = the largest x of a window;  gx = at each place the sum of gy where it was the largest.

    The windows cover x evenly and may overlap. If elements are equal, the first gets all,
    and nan is the largest. x may lack the batch. With return_indices the places are
    returned, too.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        output_size: Sizes,
        return_indices: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        y, places = _places.adaptive_max_pool(ctx, _forward, x, output_size)
        return (y, places) if return_indices else y

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: None) -> Tensor:
        x, places = ctx.saved_tensors
        gx: Tensor = _backward(gy.unsqueeze(-2), x.unsqueeze(-2), places.unsqueeze(-2))
        return gx.squeeze(-2)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(2, 2, 5), 3)
        yield Sample(make.distinct(2, 3), output_size=[5])
        yield Sample(make.distinct(2, 2, 4), 1)
        yield Sample(make.distinct(2, 3, 2).mT, (2,))
        yield Sample(make(0, 2, 4), 3)
        yield Sample(make.tensor([[1.0, 1.0, 0.0, 2.0, 2.0, 2.0]]), 4).at_kink()
        yield Sample(make.tensor([[1.0, float("nan"), 0.0, float("-inf")]]), 2)
        both = Sample(make.distinct(2, 3), 2, return_indices=True)
        yield both.waive("routes", "torch calls adaptive_max_pool1d_with_indices then")


_forward = torch.nn.functional.adaptive_max_pool1d_with_indices
_backward = torch.ops.aten.adaptive_max_pool2d_backward.default

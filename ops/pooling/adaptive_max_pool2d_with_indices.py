"""nn.functional.adaptive_max_pool2d_with_indices: adaptive_max_pool2d, and the places."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes
from plugrad.ops.pooling import _places


@op(
    "nn.functional.adaptive_max_pool2d_with_indices",
    overrides=(
        torch.nn.functional.adaptive_max_pool2d_with_indices,
        torch._C._nn.adaptive_max_pool2d,
        torch.ops.aten.adaptive_max_pool2d.default,
    ),
)
class AdaptiveMaxPool2dWithIndices(Function):
    """(y, places) = the largest x of a window, and which;  gx = at each place the sum of its gy.

    The windows cover x evenly and may overlap. If elements are equal, the first gets all,
    and nan is the largest. x may lack the batch. Places count through the dimensions of
    space.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        output_size: Sizes,
        return_indices: bool = False,
    ) -> tuple[Tensor, Tensor]:
        return _places.adaptive_max_pool(ctx, _forward, x, output_size)

    @staticmethod
    def backward(ctx: Context, gy: Tensor, _: None) -> Tensor:
        x, places = ctx.saved_tensors
        gx: Tensor = _backward(gy, x, places)
        return gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.distinct(2, 1, 5, 3), (3, 2))
        yield Sample(make.distinct(2, 3, 2), output_size=[2, 3])
        yield Sample(make.distinct(1, 2, 3, 4), 2)
        yield Sample(make.distinct(2, 4, 3), (1, None))
        yield Sample(make.distinct(2, 3, 2, 2).movedim(1, -1), (2, 1))
        yield Sample(make(0, 2, 4, 4), 3)
        yield Sample(make.tensor([[[1.0, 1.0, 0.0], [2.0, 1.0, 1.0]]]), (2, 2)).at_kink()
        yield Sample(make.tensor([[[1.0, float("nan"), 0.0, float("-inf")]]]), (1, 2))
        yield Sample(make.distinct(2, 3, 3), 2, return_indices=True)


_forward = torch.nn.functional.adaptive_max_pool2d_with_indices
_backward = torch.ops.aten.adaptive_max_pool2d_backward.default

"""nn.functional.adaptive_max_pool1d_with_indices: adaptive_max_pool1d, and the places."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes
from plugrad.ops.pooling import _places


@op(
    "nn.functional.adaptive_max_pool1d_with_indices",
    overrides=(
        torch.nn.functional.adaptive_max_pool1d_with_indices,
        torch.adaptive_max_pool1d,
        torch.ops.aten.adaptive_max_pool1d.default,
    ),
)
class AdaptiveMaxPool1dWithIndices(Function):
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
        yield Sample(make.distinct(2, 3), 2, return_indices=True)


_forward = torch.nn.functional.adaptive_max_pool1d_with_indices
_backward = torch.ops.aten.adaptive_max_pool2d_backward.default

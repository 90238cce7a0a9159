"""fractional_max_pool3d: the largest elements of windows that start at random."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._sizes import Sizes, sizes


@op("fractional_max_pool3d", overrides=(torch.ops.aten.fractional_max_pool3d.default,))
class FractionalMaxPool3d(Function):
    """(y, places) = the largest x of a window, and which;  gx = at each place the sum of its gy.

    Of equal ones the first gets all. random_samples, numbers from 0 to 1 for each batch, channel
    and dimension, say where the windows start; they have no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        kernel_size: Sizes,
        output_size: Sizes,
        random_samples: Tensor,
    ) -> tuple[Tensor, Tensor]:
        ctx.windows = sizes(kernel_size, 3), sizes(output_size, 3)
        y, places = _forward(x, *ctx.windows, random_samples)
        ctx.save_for_backward(x, places)
        ctx.mark_non_differentiable(places)
        return y, places

    @staticmethod
    def backward(ctx: Context, gy: Tensor, _: None) -> tuple[Tensor | None, ...]:
        x, places = ctx.saved_tensors
        return _backward(gy.contiguous(), x, *ctx.windows, places), None, None, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(
            make.distinct(1, 1, 4, 3, 4), (2, 1, 2), (2, 2, 2), make(1, 1, 3, low=0.0, high=0.99)
        ).constant(3)
        yield Sample(
            make.distinct(2, 2, 3, 3), [1, 2, 1], [1, 1, 2], make(1, 2, 3, low=0.0, high=0.99)
        ).constant(3)
        yield Sample(make.distinct(1, 3, 3, 4), 2, 1, make(1, 1, 3, low=0.0, high=0.99)).constant(3)
        ties = make.tensor([[[[0.0, 0.0, 0.0]] * 2] * 2])
        yield (
            Sample(ties, (1, 1, 2), (1, 1, 1), make(1, 1, 3, low=0.0, high=0.99))
            .constant(3)
            .at_kink()
        )
        yield Sample(make(0, 2, 3, 3, 3), 2, 1, make(0, 2, 3, low=0.0, high=0.99)).constant(3)


_forward = torch.ops.aten.fractional_max_pool3d.default
_backward = torch.ops.aten.fractional_max_pool3d_backward.default

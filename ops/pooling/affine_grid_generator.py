"""affine_grid_generator: the points of a grid, moved by affine maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "affine_grid_generator",
    overrides=(torch.affine_grid_generator, torch.ops.aten.affine_grid_generator.default),
    aliases={"theta": "x"},
    linear=True,
)
class AffineGridGenerator(Function):
    """y = p x^T for the points p of a grid, each with a 1 at its end;  gx = the sum of gy p^T.

    A grid has a number from -1 to 1 for each dimension of space, the last first. x is (N, 2, 3) for
    a size of (N, C, H, W), and (N, 3, 4) for (N, C, D, H, W). With align_corners -1 and 1 are the
    centres of the pixels in the corners, else the edges of the image.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
        ctx.arguments = tuple(size), bool(align_corners)
        return torch.affine_grid_generator(x, size, align_corners)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return _backward(gy, *ctx.arguments)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 2, 3), (2, 1, 3, 4), False)
        yield Sample(make(2, 2, 3), (2, 3, 2, 2), True)
        yield Sample(make(1, 3, 4), (1, 2, 2, 3, 2), False)
        yield Sample(make(1, 3, 4), size=(1, 1, 2, 1, 3), align_corners=True)
        yield Sample(make(1, 2, 3), (1, 1, 1, 1), False)
        yield Sample(make(2, 2), (2, 1, 3, 4), False).raises(IndexError, "range")


_backward = torch.ops.aten.affine_grid_generator_backward.default

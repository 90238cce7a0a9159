"""grid_sampler_2d: images looked up at the points of a grid."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.pooling._grid import IMAGES_ALWAYS, defined
from plugrad.ops.pooling._neighbours import BORDER, NEAREST


@op(
    "grid_sampler_2d",
    overrides=(torch.grid_sampler_2d, torch.ops.aten.grid_sampler_2d.default),
)
class GridSampler2d(Function):
    """y = sum(w x) over the neighbours of a point;  gx = sum(w gy), ggrid = sum(gy w' x).

    A point has a number from -1 to 1 for each dimension of space, the last first.
    interpolation_mode is bilinear, nearest or bicubic (0, 1, 2); padding_mode says
    what is outside: zeros, the border, or a reflection (0, 1, 2).
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        grid: Tensor,
        interpolation_mode: int,
        padding_mode: int,
        align_corners: bool,
    ) -> Tensor:
        ctx.save_for_backward(x, grid)
        ctx.modes = int(interpolation_mode), int(padding_mode), bool(align_corners)
        return torch.grid_sampler_2d(x, grid, *ctx.modes)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, grid = ctx.saved_tensors
        grid = defined(grid, *ctx.modes[:2])
        need_gx, need_ggrid = ctx.needs_input_grad[:2]
        gx, ggrid = _backward(gy, x, grid, *ctx.modes, [need_gx or IMAGES_ALWAYS, need_ggrid])
        return gx if need_gx else None, ggrid if need_ggrid else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for mode in (0, 1, 2):
            for padding in (0, 1, 2):
                for align in (False, True) if mode != NEAREST else (padding == BORDER,):
                    x, grid = make(2, 2, 3, 4), make(2, 2, 3, 2, low=-1.4, high=1.4)
                    yield Sample(x, grid, mode, padding, align)
        yield Sample(make(1, 1, 1, 2), make(1, 1, 2, 2), 0, 2, True)
        yield Sample(x, grid, 0, 0, False).constant(0)
        yield Sample(x, grid, 0, 0, False).constant(1)
        yield Sample(make(0, 1, 2, 2), make(0, 1, 2, 2), 0, 0, False)
        edge = make.tensor([[[[0.0, 2.0], [-1.0, 2.0]]]])
        yield Sample(edge, make.tensor([[[[0.3, -0.4], [0.0, 0.1]]]]), 0, 0, False)
        yield Sample(edge, make.tensor([[[[0.4, 0.4], [-0.2, -0.2]]]]), 0, 0, False)
        yield Sample(edge, make.tensor([[[[-1.0, 1.0], [1.0, -1.0]]]]), 0, 1, True).at_kink()
        yield Sample(x, grid[..., :1], 0, 0, False).raises(RuntimeError, "size 2")


_backward = torch.ops.aten.grid_sampler_2d_backward.default

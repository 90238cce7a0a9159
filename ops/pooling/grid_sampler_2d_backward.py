"""grid_sampler_2d_backward: grid_sampler_2d's two gradients, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.errors import ArgumentError
from plugrad.ops.pooling._grid import Sampler, defined, refuse_other_shapes, second_gradients
from plugrad.ops.pooling._neighbours import BILINEAR, BORDER, NEAREST


@op(
    "grid_sampler_2d_backward",
    overrides=(torch.ops.aten.grid_sampler_2d_backward.default,),
    aliases={"grad_output": "x", "input": "y"},
)
class GridSampler2dBackward(Function):
    """(u, v) = (sum(w x), sum(x w' y)), the gradients of y and of the grid for x.

    With the transposes T of the sums: gx = T(w) gu + sum(gv w' y), gy = T(x w') gv, and
    ggrid = sum(gu w' x) + sum(gv x w'' y). torch has no such derivative. What output_mask leaves
    out is None, or has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        grid: Tensor,
        interpolation_mode: int,
        padding_mode: int,
        align_corners: bool,
        output_mask: Sequence[bool],
    ) -> tuple[Tensor | None, Tensor]:
        ctx.save_for_backward(x, y, grid)
        ctx.set_materialize_grads(False)
        ctx.modes = int(interpolation_mode), int(padding_mode), bool(align_corners)
        refuse_other_shapes(x, y, grid, "grid_sampler_2d_backward")
        u, v = _backward(x, y, defined(grid, *ctx.modes[:2]), *ctx.modes, output_mask)
        return u, v

    @staticmethod
    def backward(ctx: Context, gu: Tensor | None, gv: Tensor | None) -> tuple[Tensor | None, ...]:
        x, y, grid = ctx.saved_tensors
        grid = defined(grid, *ctx.modes[:2])
        gx = gy = ggrid = None
        if gu is not None:
            gx = torch.grid_sampler_2d(gu, grid, *ctx.modes)
            ggrid = _backward(x, gu, grid, *ctx.modes, [False, True])[1]
        if gv is not None and ctx.modes[0] != NEAREST:
            sampler = Sampler(y.shape[2:], grid, *ctx.modes)
            steps = gv.flatten(1, -2).unbind(-1)[::-1]
            more = second_gradients(sampler, x, y, steps)
            gx = more[0] if gx is None else gx + more[0]
            gy, last = more[1], more[2].view(grid.shape)
            ggrid = last if ggrid is None else ggrid + last
        return gx, gy, ggrid

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for mode in (0, 1, 2):
            for padding in (0, 1, 2):
                for align in (False, True) if mode == BILINEAR else (padding != BORDER,):
                    x, y, grid = (
                        make(2, 2, 2, 3),
                        make(2, 2, 3, 4),
                        make(2, 2, 3, 2, low=-1.4, high=1.4),
                    )
                    sample = Sample(x, y, grid, mode, padding, align, [True, True])
                    flat = (mode, padding, align) == (2, 1, False) and not torch_before("2.13")
                    for law in ("stretched", "magnitudes") if flat else ():
                        sample.waive(law, "all neighbours are one element, and the sum cancels")
                    yield sample
        for mask in ([True, False], [False, True]):
            yield Sample(x, y, grid, 0, 0, False, mask)
        yield Sample(make(1, 1, 1, 2), make(1, 1, 1, 2), make(1, 1, 2, 2), 0, 2, True, [True, True])
        yield Sample(
            make(0, 1, 1, 2), make(0, 1, 2, 2), make(0, 1, 2, 2), 0, 0, False, [True, True]
        )
        x, edge = make.tensor([[[[0.0, 1.5]]]]), make.tensor([[[[0.0, 2.0], [-1.0, 2.0]]]])
        yield Sample(x, edge, make.tensor([[[[0.3, -0.4], [0.0, 0.1]]]]), 0, 0, False, [True, True])
        grid = make.tensor([[[[0.4, 0.4], [-0.2, -0.2]]]])
        yield Sample(x, edge, grid, 0, 0, False, [True, True])
        other = Sample(x[..., :1], edge, grid, 0, 0, False, [True, True])
        yield other.raises(ArgumentError, "gradient of shape")


_backward = torch.ops.aten.grid_sampler_2d_backward.default

"""unfold_backward: windows added where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import ArgumentError


def _checked(x: Tensor, input_sizes: Sequence[int], dim: int, size: int, step: int) -> Tensor:
    """What torch computes, which of an x of another shape reads other memory."""
    shape = [*input_sizes, size]
    if input_sizes:
        shape[dim % len(input_sizes)] = (input_sizes[dim] - size) // step + 1
    fits = x.dim() == len(shape) and all(n in (1, m) for n, m in zip(x.shape, shape, strict=True))
    if not fits or x.shape[-1] != size:
        raise ArgumentError(
            f"unfold_backward() takes windows of shape {shape}, and got {list(x.shape)}",
            where="a call of unfold_backward",
            fix="pass a gradient of torch.empty(input_sizes).unfold(dim, size, step)",
        )
    x = x.expand(shape)  # as istft gives the same windows for each row
    y: Tensor = torch.ops.aten.unfold_backward.default(x, input_sizes, dim, size, step)
    return y


@op(
    "unfold_backward",
    reference=_checked,
    overrides=(torch.ops.aten.unfold_backward.default,),
    aliases={"grad_in": "x"},
    linear=True,
    equivalent={"other-dim[dim]": "windows along another dimension have another shape"},
)
class UnfoldBackward(Function):
    """y = zeros of input_sizes plus each window of x at its place;  gx = the windows of gy."""

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, input_sizes: Sequence[int], dim: int, size: int, step: int
    ) -> Tensor:
        ctx.where, ctx.x_shape = (dim, size, step), tuple(x.shape)
        return _checked(x, input_sizes, dim, size, step)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.unfold(*ctx.where).sum_to_size(ctx.x_shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 2), (5,), 0, 2, 1)
        yield Sample(make(2, 2), [7], 0, 2, 3)
        yield Sample(make(2, 2, 2, 3), (2, 5, 2), -2, 3, 2)
        yield Sample(make.complex(2, 2), (4,), 0, 2, 2)
        yield Sample(make(0, 3, 2), (0, 4), 1, 2, 1)
        yield Sample(make(1), (), 0, 1, 1)
        yield Sample(make(1, 2, 2), (3, 3), 1, 2, 1)
        yield Sample(make(3, 2), (5,), 0, 2, 1).raises(ArgumentError, "windows of shape")

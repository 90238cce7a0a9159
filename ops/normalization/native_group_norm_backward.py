"""native_group_norm_backward: group_norm's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization._layouts import group_layout
from plugrad.ops.normalization._normalized import FLOATING, gradient, gradient_of_gradient, masked


def _reference(
    g: Tensor,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    n: int,
    channels: int,
    pixels: int,
    group: int,
    output_mask: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    layout = group_layout(n, channels, pixels, group)
    return masked(gradient(g, x, mean, rstd, weight, layout), output_mask, None, None)


@op(
    "native_group_norm_backward",
    overrides=(
        torch.ops.aten.native_group_norm_backward.default,
        torch.ops.aten.native_group_norm_backward,
    ),
    reference=_reference,
    aliases={"grad_out": "g", "input": "x", "N": "n", "C": "channels", "HxW": "pixels"},
    promotes=True,
    dtypes=FLOATING,
)
class NativeGroupNormBackward(Function):
    """zx = rstd (h - m(h) - xhat m(h xhat)), zweight = sum(g xhat), zbias = sum(g).

    h = g weight, xhat = (x - mean) rstd, m is the mean over a group. The gradient, in
    _normalized.py, is that of each argument on its own: of x, the mean and rstd too, which
    need not be x's.
    """

    @staticmethod
    def forward(
        ctx: Context,
        g: Tensor,
        x: Tensor,
        mean: Tensor,
        rstd: Tensor,
        weight: Tensor | None,
        n: int,
        channels: int,
        pixels: int,
        group: int,
        output_mask: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        ctx.save_for_backward(g, x, mean, rstd, weight)
        ctx.set_materialize_grads(False)
        ctx.sizes = sizes = tuple([int(s) for s in (n, channels, pixels, group)])
        # The kernel reads them as if they were contiguous, whether they are or not.
        five = [None if t is None else t.contiguous() for t in (g, x, mean, rstd, weight)]
        return _backward(*five, *sizes, output_mask)

    @staticmethod
    def backward(ctx: Context, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        g, x, mean, rstd, weight = ctx.saved_tensors
        layout = group_layout(*ctx.sizes)
        return gradient_of_gradient(cotangents, g, x, mean, rstd, weight, layout)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        every = [True, True, True]
        for mask in (every, [True, False, False], [False, True, False], [False, False, True]):
            g, x = make(2, 4, 3), make(2, 4, 3)
            yield Sample(g, x, make(2, 2), make(2, 2, low=0.3), make(4), 2, 4, 3, 2, mask)
        only = [True, False, False]  # without a weight the kernel does no more
        g, x = make(2, 3, 2, 2), make(2, 3, 2, 2)
        yield Sample(g, x, make(2, 1), make(2, 1, low=0.3), None, 2, 3, 4, 1, only)
        g, x = make.tensor([[0.0, 2.0, 1.0, 0.0]]), make.tensor([[1.0, 0.0, 0.0, 3.0]])
        mean, rstd = make.tensor([[0.0, 1.0]]), make.tensor([[2.0, 0.0]])
        yield Sample(g, x, mean, rstd, make.tensor([0.0, 0.0, 1.0, 1.0]), 1, 4, 1, 2, every)
        g, x, mean, rstd = (
            make(2, 4),
            make(2, 4),
            make.tensor([[1.0], [1.0]]),
            make.tensor([[2.0]] * 2),
        )
        yield Sample(g, x, mean, rstd, make(4), 2, 4, 1, 1, every)


_backward = torch.ops.aten.native_group_norm_backward.default

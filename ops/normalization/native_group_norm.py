"""native_group_norm: group_norm with the statistics that it computed, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization._layouts import group_layout
from plugrad.ops.normalization._normalized import FLOATING, normalized, statistics_gradient


def _reference(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    n: int,
    channels: int,
    pixels: int,
    group: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    y, mean, rstd = normalized(x, weight, bias, eps, group_layout(n, channels, pixels, group))
    return y, mean.reshape(n, group), rstd.reshape(n, group)


@op(
    "native_group_norm",
    overrides=(torch.ops.aten.native_group_norm.default, torch.native_group_norm),
    reference=_reference,
    aliases={"N": "n", "C": "channels", "HxW": "pixels"},
    dtypes=FLOATING,
)
class NativeGroupNorm(Function):
    """y = (x - mean) rstd weight + bias, with rstd = 1 / sqrt(var + eps);  also mean and rstd.

    Both are over the channels of a group and all pixels of an example. The gradient is
    native_group_norm_backward's, and gx gets gmean / n - grstd rstd^3 (x - mean) / n too. To
    torch mean and rstd are constants.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        n: int,
        channels: int,
        pixels: int,
        group: int,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        sizes = n, channels, pixels, group
        # The kernel reads them as if they were contiguous, whether they are or not.
        three = [None if t is None else t.contiguous() for t in (x, weight, bias)]
        y, mean, rstd = _native_group_norm(*three, *sizes, eps)
        ctx.save_for_backward(x, weight, mean, rstd)
        ctx.set_materialize_grads(False)
        if not ctx.needs_input_grad[0]:
            ctx.mark_non_differentiable(mean, rstd)
        ctx.sizes = tuple([int(s) for s in sizes])
        return y, mean, rstd

    @staticmethod
    def backward(
        ctx: Context, gy: Tensor | None, gmean: Tensor | None, grstd: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        x, weight, mean, rstd = ctx.saved_tensors
        needs = list(ctx.needs_input_grad[:3])
        layout = group_layout(*ctx.sizes)
        gx = gweight = gbias = None
        if gy is not None:
            by_kernel = [needs[0], needs[1], needs[2] and weight is not None]
            gx, gweight, gbias = _native_group_norm_backward(
                gy, x, mean, rstd, weight, *ctx.sizes, by_kernel
            )
            if needs[2] and weight is None:  # which the kernel does not do
                gbias = gy.reshape(layout.x).sum_to_size(layout.weight).flatten()
        if needs[0]:
            gx = statistics_gradient(gx, gmean, grstd, x, mean, rstd, layout)
        return gx, gweight, gbias

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 4, 3), make(4), make(4), 2, 4, 3, 2, 1e-5)
        yield Sample(make(2, 3, 2, 2), None, None, 2, 3, 4, 1, 0.5)
        yield Sample(make(2, 4, 2), make(4), None, 2, 4, 2, 4, 1e-5)
        yield Sample(make(2, 4), None, make(4), 2, 4, 1, 2, 1e-5)
        for constant in range(3):
            sample = Sample(make(2, 4, 3), make(4), make(4), 2, 4, 3, 2, 1e-5)
            yield sample.constant(constant)
        yield Sample(
            make.tensor([[0.0, 1.0, 0.0]]), make.tensor([0.0, 2.0, 0.0]), None, 1, 3, 1, 1, 0.5
        )


_native_group_norm = torch.ops.aten.native_group_norm.default


def _native_group_norm_backward(
    g: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor | None, *args: Any
) -> tuple[Tensor | None, ...]:
    # The kernel reads them as if they were contiguous, whether they are or not.
    weight = None if weight is None else weight.contiguous()
    return _backward(g.contiguous(), x.contiguous(), mean, rstd, weight, *args)  # type: ignore[no-any-return]


_backward = torch.ops.aten.native_group_norm_backward.default

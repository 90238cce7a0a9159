"""native_group_norm: group_norm with the statistics that it computed, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization._group import kernel_gradient, laid_out, packed, with_statistics
from plugrad.ops.normalization._layouts import group_layout
from plugrad.ops.normalization._normalized import FLOATING, normalized


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
    native_group_norm_backward's, and gx gets gmean / n - grstd rstd^3 (x - mean) / n too.
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
        y, mean, rstd = _native_group_norm(laid_out(x), packed(weight), packed(bias), *sizes, eps)
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
        needs = ctx.needs_input_grad[:3]
        gx = gweight = gbias = None
        if gy is not None:
            gx, gweight, gbias = kernel_gradient(gy, x, weight, mean, rstd, ctx.sizes, needs)
        if needs[0]:
            gx = with_statistics(gx, gmean, grstd, x, mean, rstd, ctx.sizes)
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

"""native_batch_norm_backward: batch_norm's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization._batch import (
    backward_kernel,
    check_channels,
    refuse_without_saved,
    refuse_without_statistics,
)
from plugrad.ops.normalization._layouts import batch_layout
from plugrad.ops.normalization._normalized import FLOATING, gradient, gradient_of_gradient, masked


def _reference(
    g: Tensor,
    x: Tensor,
    weight: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    save_mean: Tensor | None,
    save_invstd: Tensor | None,
    train: bool,
    eps: float,
    output_mask: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    mean: Any
    rstd: Any
    mean, rstd = save_mean, save_invstd
    if not train:
        mean, rstd = running_mean, torch.rsqrt(running_var + eps)  # type: ignore[operator,arg-type]
    found = gradient(g, x, mean, rstd, weight, batch_layout(x.shape), train)
    return masked(found, output_mask, None, None)


@op(
    "native_batch_norm_backward",
    overrides=(
        torch.ops.aten.native_batch_norm_backward.default,
        torch.ops.aten.native_batch_norm_backward,
    ),
    reference=_reference,
    aliases={"grad_out": "g", "input": "x"},
    promotes=True,
    dtypes=FLOATING,
)
class NativeBatchNormBackward(Function):
    """zx = rstd (h - m(h) - xhat m(h xhat)), zweight = sum(g xhat), zbias = sum(g).

    h = g weight, xhat = (x - mean) rstd, m is the mean over all dimensions but 1. Not in
    training zx = rstd h, mean is running_mean and rstd = 1 / sqrt(running_var + eps). The
    gradient, in _normalized.py, is that of each argument on its own: of x, the mean and rstd
    too, which need not be x's.
    """

    @staticmethod
    def forward(
        ctx: Context,
        g: Tensor,
        x: Tensor,
        weight: Tensor | None,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        save_mean: Tensor | None,
        save_invstd: Tensor | None,
        train: bool,
        eps: float,
        output_mask: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        four = running_mean, running_var, save_mean, save_invstd
        seen = x.expand(g.shape)
        check_channels(seen, weight=weight, running_mean=running_mean, running_var=running_var)
        check_channels(seen, none_saved=True, save_mean=save_mean, save_invstd=save_invstd)
        refuse_without_saved(save_mean, save_invstd, train)
        refuse_without_statistics(running_mean, running_var, train)
        statistics = (save_mean, save_invstd) if train else (running_mean, running_var)
        ctx.save_for_backward(g, x, weight, *statistics)
        ctx.set_materialize_grads(False)
        ctx.train, ctx.eps = bool(train), float(eps)
        return backward_kernel(g, x, weight, *four, train, eps, output_mask)

    @staticmethod
    def backward(ctx: Context, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        g, x, weight, mean, rstd = ctx.saved_tensors
        if not ctx.train:
            rstd = (rstd + ctx.eps).rsqrt()
        layout = batch_layout(x.shape)
        gg, gx, gmean, grstd, gweight = gradient_of_gradient(
            cotangents, g, x, mean, rstd, weight, layout, ctx.train
        )
        if ctx.train:
            return gg, gx, gweight, None, None, gmean, grstd
        gvar = None if grstd is None else grstd * rstd**3 / -2
        return gg, gx, gweight, gmean, gvar, None, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        every = [True, True, True]
        for train in (True, False):
            for shape in ((4, 3), (2, 3, 2)):
                mean, scale = make(3), make(3, low=0.3)
                four = (None, None, mean, scale) if train else (mean, scale, None, None)
                yield Sample(make(*shape), make(*shape), make(3), *four, train, 1e-3, every)
                masks = ([True, False, False], [False, True, False], [False, False, True])
                for mask in masks if len(shape) == 2 else ():
                    yield Sample(make(*shape), make(*shape), make(3), *four, train, 1e-3, mask)
            mean, scale = make.tensor([0.0, 1.0, 2.0, 2.0]), make.tensor([0.0, -0.2, 1.0, 1.0])
            four = (None, None, mean, scale) if train else (mean, scale, None, None)
            g = make.tensor([[0.0, 2.0, 1.0, 0.5], [0.5, 0.0, 2.0, 3.0]])
            x = make.tensor([[0.0, 1.0, 3.0, -1.0], [0.0, 1.0, 3.0, 0.5]])
            yield Sample(g, x, make.tensor([0.0, 0.0, 2.0, 1.0]), *four, train, 0.5, every)
            four = (None, None, *make(2, 3)) if train else (*make(2, 3, low=0.3), None, None)
            yield Sample(make(2, 3), make(2, 3), None, *four, train, 0.5, every)

"""native_layer_norm: layer_norm with the statistics that it computed, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization._layouts import layer_layout
from plugrad.ops.normalization._normalized import FLOATING, normalized, statistics_gradient


def _reference(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    torch.layer_norm(x.detach(), normalized_shape)  # refuses what does not fit
    return normalized(x, weight, bias, eps, layer_layout(x.shape, normalized_shape))


@op(
    "native_layer_norm",
    overrides=(torch.ops.aten.native_layer_norm.default, torch.native_layer_norm),
    reference=_reference,
    dtypes=FLOATING,
)
class NativeLayerNorm(Function):
    """y = (x - mean) rstd weight + bias, with rstd = 1 / sqrt(var + eps);  also mean and rstd.

    Both are over the last dimensions, those of normalized_shape. The gradient is
    native_layer_norm_backward's, and gx gets gmean / n - grstd rstd^3 (x - mean) / n too.
    To torch mean and rstd are constants.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        normalized_shape: Sequence[int],
        weight: Tensor | None,
        bias: Tensor | None,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        y, mean, rstd = _native_layer_norm(x, normalized_shape, weight, bias, eps)
        ctx.save_for_backward(x, weight, bias, mean, rstd)
        ctx.set_materialize_grads(False)
        if not ctx.needs_input_grad[0]:
            ctx.mark_non_differentiable(mean, rstd)
        ctx.normalized_shape = tuple(normalized_shape)
        return y, mean, rstd

    @staticmethod
    def backward(
        ctx: Context, gy: Tensor | None, gmean: Tensor | None, grstd: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        x, weight, bias, mean, rstd = ctx.saved_tensors
        need_gx, _, need_gweight, need_gbias, _ = ctx.needs_input_grad
        gx = gweight = gbias = None
        if gy is not None:
            needs = [need_gx, need_gweight, need_gbias]
            gx, gweight, gbias = _native_layer_norm_backward(
                gy, x, ctx.normalized_shape, mean, rstd, weight, bias, needs
            )
        if need_gx:
            layout = layer_layout(x.shape, ctx.normalized_shape)
            gx = statistics_gradient(gx, gmean, grstd, x, mean, rstd, layout)
        return gx, None, gweight, gbias

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), [4], make(4), make(4), 1e-5)
        yield Sample(make(2, 3, 4), (3, 4), make(3, 4), make(3, 4), 0.1)
        yield Sample(make(2, 3, 4), [4], None, None, 1e-5)
        yield Sample(make(3, 4), [4], make(4), None, 1e-5)
        yield Sample(make(3, 4), [4], None, make(4), 1e-5)
        yield Sample(make(3, 4), [4], make(4), make(4), 1e-5).constant(0)
        yield Sample(make(3, 4), [4], make(4), make(4), 1e-5).constant(2)
        yield Sample(make(3, 4), [4], make(4), make(4), 1e-5).constant(3)
        yield Sample(make(4), [4], make(4), make(4), 1e-5)
        yield Sample(make(2, 3), [3], make.tensor([0.0, 2.0, 0.0]), None, 1e-5)
        yield Sample(make(0, 3), [3], make(3), make(3), 1e-5)
        yield Sample(make.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 2.0]]), [3], None, None, 0.5)


_native_layer_norm = torch.ops.aten.native_layer_norm.default
_native_layer_norm_backward = torch.ops.aten.native_layer_norm_backward.default

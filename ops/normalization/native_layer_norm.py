"""native_layer_norm: layer_norm with the statistics that it computed, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op
from plugrad.ops.normalization._layouts import layer_layout
from plugrad.ops.normalization._normalized import COMPUTED_AGAIN, FLOATING, normalized, statistics


def _reference(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    torch.layer_norm(x.detach(), normalized_shape)  # refuses what does not fit
    y, *both = normalized(x, weight, bias, eps, layer_layout(x.shape, normalized_shape))
    mean, rstd = [t.detach() for t in both]
    return y, mean, rstd


@op(
    "native_layer_norm",
    overrides=(torch.ops.aten.native_layer_norm.default, torch.native_layer_norm),
    reference=_reference,
    dtypes=FLOATING,
    waives={"hidden-intermediate": COMPUTED_AGAIN},
)
class NativeLayerNorm(Function):
    """y = (x - mean) rstd weight + bias, with rstd = 1 / sqrt(var + eps);  also mean and rstd.

    Both are over the last dimensions, those of normalized_shape, and have no gradient (nor
    do they in torch). That of y is native_layer_norm_backward's.
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
        ctx.mark_non_differentiable(mean, rstd)
        ctx.normalized_shape, ctx.eps = tuple(normalized_shape), float(eps)
        return y, mean, rstd

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        x, weight, bias, *saved = ctx.saved_tensors
        shape, recorded = ctx.normalized_shape, isinstance(x, Variable)
        again = (
            statistics(x, ctx.eps, layer_layout(x.shape, shape), saved[0]) if recorded else saved
        )
        need_gx, _, need_gweight, need_gbias, _ = ctx.needs_input_grad
        needs = [need_gx, need_gweight, need_gbias]
        gx, gweight, gbias = _backward(gy, x, shape, *again, weight, bias, needs)
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
_backward = torch.ops.aten.native_layer_norm_backward.default

"""nn.functional.layer_norm: the last dimensions with mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op
from plugrad.ops.normalization._autocast import in_full_precision
from plugrad.ops.normalization._layouts import layer_layout
from plugrad.ops.normalization._normalized import COMPUTED_AGAIN, statistics


def _reference(
    x: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    if weight is None and bias is not None:  # of which torch has no second derivative
        weight = torch.ones_like(bias)
    return torch.layer_norm(x, normalized_shape, weight, bias, eps, cudnn_enable)


@op(
    "nn.functional.layer_norm",
    overrides=(
        torch.nn.functional.layer_norm,
        torch.layer_norm,
        torch.ops.aten.layer_norm.default,
    ),
    reference=_reference,
    promotes=True,
    waives={"hidden-intermediate": COMPUTED_AGAIN},
)
class LayerNorm(Function):
    """y = (x - mean) / sqrt(var + eps) weight + bias, over the last dimensions.

    Those of normalized_shape, which is also the shape of weight and bias. The gradient is
    native_layer_norm_backward's.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        normalized_shape: Sequence[int],
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
        cudnn_enable: bool = True,
    ) -> Tensor:
        ctx.full, (a, w, b) = in_full_precision(x, weight, bias)
        y, mean, rstd = _native_layer_norm(a, normalized_shape, w, b, eps)
        ctx.save_for_backward(x, weight, bias, mean, rstd)
        ctx.mark_non_differentiable(mean, rstd)
        ctx.normalized_shape, ctx.eps = tuple(normalized_shape), float(eps)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, mean, rstd = ctx.saved_tensors
        shape, saved = ctx.normalized_shape, (mean, rstd)
        _, (x, weight, bias) = in_full_precision(x, weight, bias, ctx.full)
        recorded = isinstance(x, Variable)
        again = statistics(x, ctx.eps, layer_layout(x.shape, shape), mean) if recorded else saved
        need_gx, _, need_gweight, need_gbias, *_ = ctx.needs_input_grad
        needs = [need_gx, need_gweight, need_gbias]
        gx, gweight, gbias = _backward(gy, x, shape, *again, weight, bias, needs)
        return gx, None, gweight, gbias

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), [4], make(4), make(4))
        yield Sample(make(2, 3, 4), (3, 4), make(3, 4), make(3, 4), 0.1)
        yield Sample(make(2, 3, 4), [4])
        yield Sample(make(3, 4), [4], weight=make(4), eps=0.5)
        yield Sample(make(3, 4), [4], bias=make(4), cudnn_enable=False)
        yield Sample(make(4), normalized_shape=[4])
        for constant in (0, 2, 3):
            yield Sample(make(3, 4), [4], make(4), make(4)).constant(constant)
        yield Sample(make(0, 3), [3], make(3), make(3))
        yield Sample(make(2, 3), [3], make.tensor([0.0, 2.0, 0.0]))
        yield Sample(make.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 2.0]]), [3], None, None, 0.5)
        yield Sample(make(2, 3), [2]).raises(RuntimeError, "normalized_shape")


_native_layer_norm = torch.native_layer_norm
_backward = torch.ops.aten.native_layer_norm_backward.default

"""native_layer_norm_backward: layer_norm's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization._layouts import layer_layout
from plugrad.ops.normalization._normalized import FLOATING, gradient, gradient_of_gradient, masked


def _reference(
    g: Tensor,
    x: Tensor,
    normalized_shape: Sequence[int],
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    output_mask: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    layout = layer_layout(x.shape, normalized_shape)
    return masked(gradient(g, x, mean, rstd, weight, layout), output_mask, weight, bias)


@op(
    "native_layer_norm_backward",
    overrides=(
        torch.ops.aten.native_layer_norm_backward.default,
        torch.ops.aten.native_layer_norm_backward,
    ),
    reference=_reference,
    aliases={"grad_out": "g", "input": "x"},
    promotes=True,
    dtypes=FLOATING,
)
class NativeLayerNormBackward(Function):
    """zx = rstd (h - m(h) - xhat m(h xhat)), zweight = sum(g xhat), zbias = sum(g).

    h = g weight, xhat = (x - mean) rstd, m is the mean over the last dimensions. The
    gradient, in _normalized.py, is that of each argument on its own: of x, the mean and rstd
    too, which need not be x's.
    """

    @staticmethod
    def forward(
        ctx: Context,
        g: Tensor,
        x: Tensor,
        normalized_shape: Sequence[int],
        mean: Tensor,
        rstd: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        output_mask: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        ctx.save_for_backward(g, x, mean, rstd, weight)
        ctx.set_materialize_grads(False)
        ctx.normalized_shape = tuple(normalized_shape)
        # The kernel reads the statistics as if they were contiguous, whether they are or not.
        mean, rstd = mean.contiguous(), rstd.contiguous()
        three = weight, bias, output_mask
        return _backward(g, x, normalized_shape, mean, rstd, *three)

    @staticmethod
    def backward(ctx: Context, *cotangents: Tensor | None) -> tuple[Tensor | None, ...]:
        g, x, mean, rstd, weight = ctx.saved_tensors
        layout = layer_layout(x.shape, ctx.normalized_shape)
        gg, gx, gmean, grstd, gweight = gradient_of_gradient(
            cotangents, g, x, mean, rstd, weight, layout
        )
        return gg, gx, None, gmean, grstd, gweight, None, None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def sample(shape: tuple[int, ...], last: int, mask: tuple[bool, ...]) -> Sample:
            statistics = shape[:-last] + (1,) * last
            weight, bias = [make(*shape[-last:]) for _ in range(2)]
            mean, rstd = make(*statistics), make(*statistics, low=0.3)
            return Sample(make(*shape), make(*shape), shape[-last:], mean, rstd, weight, bias, mask)

        for mask in ((True, True, True), (True, False, False), (False, True, False)):
            yield sample((3, 4), 1, mask)
        yield sample((2, 3, 2), 2, (True, True, True))
        yield Sample(
            make.tensor([[0.0, 2.0], [0.5, 0.0]]),
            make.tensor([[1.0, 0.0], [0.0, 3.0]]),
            [2],
            make.tensor([[0.0], [1.0]]),
            make.tensor([[0.0], [2.0]]),
            make.tensor([0.0, 0.0]),
            make(2),
            [True, True, True],
        )


_backward = torch.ops.aten.native_layer_norm_backward.default

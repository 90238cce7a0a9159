"""native_batch_norm: batch_norm with the statistics that it computed, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.normalization import _batch
from plugrad.ops.normalization._normalized import COMPUTED_AGAIN, FLOATING


@op(
    "native_batch_norm",
    overrides=(
        torch.ops.aten.native_batch_norm.default,
        torch.native_batch_norm,
        torch.ops.aten._native_batch_norm_legit.default,
    ),
    reference=_batch.reference,
    dtypes=FLOATING,
    waives={"hidden-intermediate": COMPUTED_AGAIN},
)
class NativeBatchNorm(Function):
    """y = (x - mean) rstd weight + bias, with rstd = 1 / sqrt(var + eps);  also mean and rstd.

    Both are over all dimensions but 1, the channels'. In training they are x's own, and
    running_mean and running_var move towards them by momentum, in place; else they are the
    running ones, and the further outputs are empty; these have no gradient (nor do they in
    torch). That of y is native_batch_norm_backward's; the running ones have a
    gradient where they are used, which torch refuses.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        training: bool,
        momentum: float,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        statistics = running_mean, running_var
        needs = ctx.needs_input_grad
        _batch.refuse_statistics(needs[3:5], training)
        return _batch.forward(ctx, x, weight, bias, *statistics, training, momentum, eps)

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        return _batch.backward(ctx, ctx.needs_input_grad[:5], gy)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        none = (None, None, None, None)
        yield Sample(make(4, 3), make(3), make(3), None, None, True, 0.1, 1e-5)
        yield Sample(make(2, 3, 2), *none, True, 0.1, 0.5)
        yield Sample(make(2, 3, 2, 2), make(3), None, None, None, True, 0.1, 1e-5)
        yield Sample(make(4, 3), make(3), make(3), None, None, True, 0.1, 1e-5).constant(0)
        yield Sample(make(4, 3), make(3), make(3), None, None, True, 0.1, 1e-5).constant(1)
        yield Sample(make(4, 3), make(3), make(3), None, None, True, 0.1, 1e-5).constant(2)
        statistics = make(3), make(3, low=0.5)
        for shape in ((4, 3), (2, 3, 2), (1, 3)):
            sample = Sample(make(*shape), make(3), make(3), *statistics, False, 0.1, 1e-5)
            yield sample.constant(3, 4)
        yield Sample(make(4, 3), make(3), make(3), *statistics, False, 0.1, 1e-5)
        zero = make.tensor(_batch.AT_ZERO).unbind()
        yield Sample(make(4, 3), None, None, *zero, False, 0.1, 0.5)
        yield Sample(make(4, 3), None, None, *statistics, False, 0.1, 0.5).constant(3, 4)
        sample = Sample(make(4, 3), make(3), make(3), *statistics, True, 0.3, 1e-5)
        yield sample.constant(3, 4).waive("inputs-unchanged", "it moves the running statistics")
        x, weight = make.tensor([[0.0, 1.0], [0.0, 3.0]]), make.tensor([0.0, 0.0])
        yield Sample(x, weight, None, None, None, True, 0.1, 0.5)

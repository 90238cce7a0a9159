"""elu_backward: elu's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "elu_backward",
    overrides=(torch.ops.aten.elu_backward.default, torch.ops.aten.elu_backward),
    aliases={"grad_output": "x", "self_or_result": "y"},
    broadcasts=True,
    elementwise=True,
)
class EluBackward(Function):
    """z = x scale where y > 0, else x scale alpha input_scale exp(input_scale y).

    gx = gz times the same; gy = 0 where y >= 0, else x gz input_scale times the same.
    If is_result, y is elu's result: below zero z = x input_scale (y + scale alpha).
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        alpha: float,
        scale: float,
        input_scale: float,
        is_result: bool,
        y: Tensor,
    ) -> Tensor:
        ctx.numbers = (alpha, scale, input_scale)
        ctx.is_result = bool(is_result)
        ctx.save_for_backward(x if ctx.needs_input_grad[5] else None, y)
        return _elu_backward(x, *ctx.numbers, is_result, y)

    @staticmethod
    def backward(
        ctx: Context, gz: Tensor
    ) -> tuple[Tensor | None, None, None, None, None, Tensor | None]:
        x, y = ctx.saved_tensors
        gx = gy = None
        if ctx.needs_input_grad[0]:
            gx = _elu_backward(gz, *ctx.numbers, ctx.is_result, y)
        if x is not None:
            gy = x * gz * ctx.numbers[2]
            if not ctx.is_result:
                gy = _elu_backward(gy, *ctx.numbers, False, y)
            gy = torch.where(y < 0, gy, 0)
        return gx, None, None, None, None, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for is_result in (False, True):
            yield Sample(make(3, 4), 1, 1, 1, is_result, make(3, 4))
            yield Sample(make.tensor([0.0, 1.0]), 1, 1, 1, is_result, make(2))
            yield Sample(make(3, 4), 1.5, 2, 0.5, is_result, make(3, 4))
            yield Sample(make(), 1, 1, 1, is_result, make())
            yield Sample(make(0, 3), 1, 1, 1, is_result, make(0, 3))
            yield Sample(make(2, 3, 1), 1, 1, 1, is_result, make(4))
            yield Sample(make(3), 1, 1, 1, is_result, make(3, 1)).constant(0)
            yield Sample(make(3), 1, 1, 1, is_result, make(3)).constant("y")
        yield Sample(make(4), 2, 1, 1, False, make.tensor([-800.0, 0.0, 1.0, 800.0])).at_kink()


_elu_backward = torch.ops.aten.elu_backward.default

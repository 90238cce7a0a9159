"""prelu_kernel_backward: both gradients of prelu, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.activation._prelu import gradients


@op(
    "prelu_kernel_backward",
    overrides=(torch.ops.aten._prelu_kernel_backward.default,),
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
)
class PreluKernelBackward(Function):
    """z = x where y > 0, else x weight; u = 0 where y > 0, else x y.

    gx = gz where y > 0, else gz weight + gu y; gy = 0 where y > 0, else gu x;
    gweight = 0 where y > 0, else gz x.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        need_gx, need_gy, need_gweight = ctx.needs_input_grad
        x_saved = x if need_gy or need_gweight else None
        ctx.save_for_backward(x_saved, y, weight if need_gx else None)
        ctx.set_materialize_grads(False)  # a zero for u would be nan at an infinite y
        return gradients(x, y, weight)

    @staticmethod
    def backward(ctx: Context, gz: Tensor | None, gu: Tensor | None) -> tuple[Tensor | None, ...]:
        x, y, weight = ctx.saved_tensors
        need_gx, need_gy, need_gweight = ctx.needs_input_grad
        above = y > 0
        gx = gy = gweight = None
        if gz is not None:
            gx = torch.where(above, gz, gz * weight) if need_gx else None
            gweight = torch.where(above, 0, gz * x) if need_gweight else None
        if gu is not None:
            if need_gx:
                more = torch.where(above, 0, gu * y)
                gx = more if gx is None else gx + more
            gy = torch.where(above, 0, gu * x) if need_gy else None
        elif need_gy:
            gy = torch.zeros_like(y)  # not None: torch gives it in a second derivative
        return gx, gy, gweight

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 2), make(2, 3, 2), make(1, 3, 1))
        yield Sample(make(3, 4), make(3, 4), make(3, 4))
        yield Sample(make(3), make(3), make(1))
        yield Sample(make(3, 1), make(2, 1, 4), make(1))
        yield Sample(make(3), make(2, 1), make(3))
        yield Sample(make(), make(), make())
        yield Sample(make(0, 3), make(0, 3), make(1, 3))
        yield Sample(make(2, 3), make(2, 3), make(1, 3)).constant(0)
        yield Sample(make(2, 3), make(2, 3), make(1, 3)).constant(1, 2)
        yield Sample(make(2, 3), make(2, 3), make(1, 3)).constant(0, 1)
        yield Sample(make.tensor([0.0, 1.0]), make.tensor([1.0, -1.0]), make(2))
        yield Sample(make(3), make.tensor([-1.0, -2.0, 2.0]), make.tensor([0.0, 1.0, 0.0]))
        at_zero = Sample(make(2), make.tensor([0.0, 1.0]), make.tensor([1.0])).at_kink()
        yield at_zero.without_oracle("torch takes 0 for above zero, unlike the kernel")

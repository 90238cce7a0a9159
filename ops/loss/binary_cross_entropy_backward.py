"""binary_cross_entropy_backward: binary_cross_entropy's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.loss._reduction import share


def _reference(
    grad_output: Tensor,
    self: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: int = 1,
) -> Tensor:
    """The same in plain torch, whose derivative of the kernel adds 1e-12 where that does not."""
    z = grad_output * (self - target) / (self * (1 - self)).clamp_min(_LEAST)
    return share(z if weight is None else z * weight, reduction, self.numel())


@op(
    "binary_cross_entropy_backward",
    overrides=(
        torch.ops.aten.binary_cross_entropy_backward.default,
        torch.ops.aten.binary_cross_entropy_backward,
    ),
    reference=_reference,
    aliases={"grad_output": "x", "self": "y"},
    broadcasts=True,
    dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    equivalent={
        "unbroadcast-dropped[y]": "torch's kernel is for y and target of one shape",
        "unbroadcast-dropped[target]": "torch's kernel is for y and target of one shape",
    },
)
class BinaryCrossEntropyBackward(Function):
    """z = x weight (y - target) / d, for d = max(y (1 - y), 1e-12); over their size for a mean.

    gx is the same of gz for x. gy = gz x weight (1 - (y - target) d' / d) / d, for d' = 1 -
    2 y, or 0 where d is 1e-12; gtarget = -gz x weight / d, gweight = gz x (y - target) / d. All are
    divided likewise.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        reduction: int = 1,
    ) -> Tensor:
        _, *others, _ = ctx.needs_input_grad
        ctx.save_for_backward(x if any(others) else None, y, target, weight)
        ctx.reduction = int(reduction)
        return _backward(x, y, target, weight, reduction)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, target, weight = ctx.saved_tensors
        need_gx, need_gy, need_gtarget, need_gweight, _ = ctx.needs_input_grad
        gx = _backward(gz, y, target, weight, ctx.reduction) if need_gx else None
        gy = gweight = None
        if need_gweight:
            gweight = _backward(gz * x, y, target, None, ctx.reduction)
        if need_gy or need_gtarget:
            gz = share(gz * x, ctx.reduction, y.numel())
            variance = y * (1 - y)
            d = variance.clamp_min(_LEAST)
            gz = (gz if weight is None else gz * weight) / d
        if need_gy:
            slope = torch.where(variance < _LEAST, 0.0, 1 - 2 * y)
            gy = gz * (1 - (y - target) / d * slope)
        return gx, gy, -gz if need_gtarget else None, gweight

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def pair(*shape: int) -> list[Tensor]:
            return [make(*shape, domain="probability"), make(*shape, low=0.0, high=1.0)]

        for code, shape in ((0, (2, 3)), (1, ()), (2, ())):
            yield Sample(make(*shape), *pair(2, 3), None, code)
            yield Sample(make(*shape), *pair(2, 3), make(2, 3, low=0.5), code)
            yield Sample(make(*shape), *pair(2, 3), make(3, low=0.5), code).constant(1, 2, 3)
            yield Sample(make(*shape), *pair(2, 3), make(3, low=0.5), code).constant(0)
        yield Sample(make(), *pair(2, 3)).constant(0, 1)
        yield Sample(make(), *pair(2, 3)).constant(0, 2)
        yield Sample(make(), *pair(0, 3))
        yield Sample(make.tensor([0.0, 1.0]), *pair(2), make.tensor([2.0, 0.0]), 0)
        edges = make.tensor([0.0, 1.0, 1e-13])
        yield Sample(make(3), edges, make(3, low=0.2, high=0.8), None, 0)


_backward = torch.ops.aten.binary_cross_entropy_backward.default
#: What a float for 1e-12 is in torch's kernel.
_LEAST = 9.999999960041972e-13

"""cdist_forward: the distances of the points of two sets, as torch's kernel has them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._number import number
from plugrad.ops.linalg._pairs import NO_SECOND, pulled


@op(
    "cdist_forward",
    overrides=(torch.ops.aten._cdist_forward.default,),
    aliases={"x1": "x", "x2": "y"},
    broadcasts=True,
    waives=NO_SECOND,
)
class CdistForward(Function):
    """z[i, j] = p-norm of x[i] - y[j];  gx, gy = cdist_backward, of z and of its transpose.

    Where two points are equal the gradient is 0, and so it is for p = 0; for p = inf each of the
    largest differences has all of it, as in torch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, p: float, compute_mode: int | None) -> Tensor:
        z = _forward(x, y, p, compute_mode)
        ctx.save_for_backward(x, y, z)
        ctx.p = float(number(p))
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, z = ctx.saved_tensors
        need_gx, need_gy, *_ = ctx.needs_input_grad
        gx = gy = None
        if need_gx:
            gx = pulled(gz, x, y, ctx.p, z)
        if need_gy:
            gy = pulled(gz.mT, y, x, ctx.p, z.mT)
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for p in (0.5, 1.0, 1.5, 2.0, 3.0):
            yield Sample(make.distinct(3, 2), make.distinct(4, 2) + 0.017, p, None)
        yield Sample(make.distinct(3, 2), make.distinct(4, 2) + 0.017, math.inf, None)
        yield Sample(make(2, 3, 2), make(2, 4, 2), 2.0, 2)
        yield Sample(make(2, 1, 3, 2), make(2, 4, 2), 3.0, 0)
        yield Sample(make(3, 2), make(4, 2), 2.0, None).constant(0)
        yield Sample(make(3, 2), make(4, 2), 2.0, None).constant(1)
        yield Sample(make(3, 2), make(4, 2), 0.0, None)
        yield Sample(make(0, 2), make(4, 2), 2.0, None)
        yield Sample(make(3, 0), make(4, 0), 2.0, None)
        zeros = make.tensor([[0.0, 1.0], [0.5, 0.0]]), make.tensor([[2.0, 0.0]])
        yield Sample(*zeros, 2.0, None)
        equal = make.tensor([[0.0, 1.0]]), make.tensor([[0.0, 1.0]])
        for p in (1.0, 1.5, 2.0, 3.0):
            yield Sample(*equal, p, None).at_kink()
        reason = "the largest difference is found without those that are nan"
        yield Sample(*equal, math.inf, None).at_kink().waive("no-nan", reason)
        yield Sample(make(3, 2), make(4, 2), -1.0, None).raises(RuntimeError, "non-negative p")


_forward = torch.ops.aten._cdist_forward.default

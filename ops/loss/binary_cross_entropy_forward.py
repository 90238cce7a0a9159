"""binary_cross_entropy_forward: how improbable the targets are, of two classes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.loss._reduction import share


@op(
    "binary_cross_entropy_forward",
    overrides=(torch.ops.aten.binary_cross_entropy.default, torch.ops.aten.binary_cross_entropy),
    aliases={"target": "y"},
    broadcasts=True,
    equivalent={"wrong-at-0[x]": "x = 0 is where the logarithm is cut off: there is no slope"},
)
class BinaryCrossEntropyForward(Function):
    """z = -weight (y log(x) + (1 - y) log(1 - x)), averaged (reduction 1), summed (2) or neither.

    The logarithms are at least -100. gx = gz weight (x - y) / max(x (1 - x), 1e-12), gy = gz weight
    (log(1 - x) - log(x)), gweight = gz times the term it weights, divided by their size for a
    mean. torch has no gradient of weight.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, y: Tensor, weight: Tensor | None = None, reduction: int = 1
    ) -> Tensor:
        ctx.save_for_backward(x, y, weight)
        ctx.reduction = int(reduction)
        return _forward(x, y, weight, reduction)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, y, weight = ctx.saved_tensors
        need_gx, need_gy, need_gweight, _ = ctx.needs_input_grad
        gx = _backward(gz, x, y, weight, ctx.reduction) if need_gx else None
        gy = gweight = None
        if need_gy or need_gweight:
            gz = share(gz, ctx.reduction, x.numel())
            log, log_rest = _log(x), _log_rest(x)
        if need_gy:
            gy = gz * (log_rest - log)
            gy = gy if weight is None else gy * weight
        if need_gweight:
            gweight = gz * ((y - 1) * log_rest - y * log)
        return gx, gy, gweight

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def pair(*shape: int) -> list[Tensor]:
            return [make(*shape, domain="probability"), make(*shape, domain="probability")]

        for code in (0, 1, 2):
            yield Sample(*pair(2, 3), None, code)
            yield Sample(*pair(2, 3), make(2, 3, low=0.5), code)
            yield Sample(*pair(0, 3), None, code)
        yield Sample(*pair(2, 3), make(3, low=0.5)).constant(0)
        yield Sample(*pair(2, 3), make(3, low=0.5)).constant(1, 2)
        yield Sample(*pair())
        edges = make.tensor([0.0, 1.0, 0.5])
        yield Sample(edges, make(3, domain="probability"), make(3)).constant(0)
        yield Sample(make(2, 3, domain="probability"), make(3, domain="probability"), None, 2)
        yield Sample(
            make(2, domain="probability"), make(2, domain="probability"), make.tensor([0.0, 2.0])
        )
        ends = Sample(make(3, domain="probability"), make.tensor([0.0, 1.0, 0.5]))
        reason = "the kernel refuses targets beyond 0 and 1"
        yield ends.waive("numeric", reason).waive("second-order-numeric", reason)
        yield Sample(make.tensor([1.5]), make(1)).raises(RuntimeError, "between 0 and 1")


_forward = torch.ops.aten.binary_cross_entropy.default
_backward = torch.ops.aten.binary_cross_entropy_backward.default
#: The exponential of -100, below which the logarithm counts as -100.
_LEAST = 3.720075976020836e-44


def _log(x: Tensor) -> Tensor:
    large = x > _LEAST
    return torch.where(large, torch.where(large, x, 1.0).log(), -100.0)


def _log_rest(x: Tensor) -> Tensor:
    """The logarithm of 1 - x, which is 0 or much larger than the least."""
    inside = x < 1
    return torch.where(inside, torch.log1p(-torch.where(inside, x, 0.0)), -100.0)

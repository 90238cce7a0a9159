"""nn.functional.nll_loss: the negative log-likelihood of target classes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import NotDifferentiableError
from plugrad.ops._float32 import as_wide_as, in_float32
from plugrad.ops.loss._nll import refuse_weight
from plugrad.ops.loss._reduction import reduction_code


@op("nn.functional.nll_loss", overrides=(torch.nn.functional.nll_loss,))
class NllLoss(Function):
    """y = -weight[target] x[target], averaged with these weights, summed, or neither.

    gx = -weight[target] gy at the target, divided by the sum of weights for a mean; else 0.
    Classes are dimension 1 of x, or the only one. A target of ignore_index counts for
    nothing; if all do, the mean is nan, but the gradient is 0.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        if ctx.needs_input_grad[2]:
            refuse_weight("nn.functional.nll_loss")
        code = reduction_code(size_average, reduce, reduction)
        kernel = _forward if x.dim() <= 2 else _forward_of_images
        given, weights = in_float32(x, weight)
        try:
            y, total = kernel(given, target, weights, code, ignore_index)
        except (RuntimeError, IndexError):
            torch.nn.functional.nll_loss(x, target, weight)  # says better what is wrong
            raise
        # torch keeps x too, for its shape alone.
        ctx.save_for_backward(x, target, weight, total)
        ctx.mark_non_differentiable(total)
        ctx.code, ctx.ignore_index = code, ignore_index
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, target, weight, total = ctx.saved_tensors
        code, ignore_index = ctx.code, ctx.ignore_index
        x, weight = as_wide_as(gy, x, weight)
        dim = x.dim()
        if dim <= 2:
            return _backward(gy, x, target, weight, code, ignore_index, total)
        x = x.contiguous()  # the kernel's gradient has its layout, and must be so
        if dim == 4:
            return _backward_2d(gy, x, target, weight, code, ignore_index, total)
        gy = _as_image(gy, 1) if code == 0 else gy
        image, labels = _as_image(x, 2), _as_image(target, 1)
        gx = _backward_2d(gy, image, labels, weight, code, ignore_index, total)
        return gx.view(x.shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        # torch has no gradient for four dimensions in another order than contiguous.
        for shape in ((4,), (3, 4), (2, 4, 3), (1, 4, 1, 1), (2, 4, 1, 2, 2)):
            labels = shape[:1] + shape[2:] if len(shape) > 1 else ()
            for reduction in ("none", "mean", "sum") if len(shape) in (2, 3) else ("mean",):
                yield Sample(make(*shape), make.integers(*labels, high=4), reduction=reduction)
                yield Sample(
                    make(*shape),
                    make.integers(*labels, high=4),
                    make(4, low=0.5),
                    ignore_index=1,
                    reduction=reduction,
                ).constant(2)
        yield Sample(make(2, 3), make.tensor([-100, 2], dtype=torch.int64))
        yield Sample(make(2, 3), make.tensor([1, 1], dtype=torch.int64), ignore_index=1)
        yield Sample(make(2, 3), target=make.integers(2, high=3))
        yield Sample(make(0, 3), make.integers(0, high=3))
        yield Sample(make(0, 3, 2), make.integers(0, 2, high=3), reduction="none")
        yield Sample(make(2, 3, 0), make.integers(2, 0, high=3), reduction="sum")
        yield Sample(make(2, 3), make.integers(2, high=3), size_average=False)
        yield Sample(make(2, 3), make.integers(2, high=3), reduce=False)
        weighted = Sample(make(2, 3), make.integers(2, high=3), make(3))
        yield weighted.raises(NotDifferentiableError, "weight of nll_loss requires grad")
        # torch's own words, which say what the kernel does not.
        images = Sample(make(2, 3, 2), make.integers(2, 3, high=3))
        yield images.raises(RuntimeError, "")


_forward = torch.ops.aten.nll_loss_forward.default
_forward_2d = torch.ops.aten.nll_loss2d_forward.default
_backward = torch.ops.aten.nll_loss_backward.default
_backward_2d = torch.ops.aten.nll_loss2d_backward.default


def _forward_of_images(
    x: Tensor, target: Tensor, weight: Tensor | None, code: int, ignore_index: int
) -> tuple[Tensor, Tensor]:
    if x.dim() == 4:
        return _forward_2d(x, target, weight, code, ignore_index)
    if target.shape != x.shape[:1] + x.shape[2:]:  # the kernel would see only that it fits
        raise RuntimeError
    y, total = _forward_2d(_as_image(x, 2), _as_image(target, 1), weight, code, ignore_index)
    return (y.view(target.shape) if code == 0 else y), total


def _as_image(x: Tensor, start: int) -> Tensor:
    """``x`` with one row for the dimensions from ``start`` on: what the 2-d kernels take."""
    return x.flatten(start).unsqueeze(start)

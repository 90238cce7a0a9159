"""nn.functional.group_norm: each group of channels with mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops.normalization._autocast import in_full_precision
from plugrad.ops.normalization._group import kernel_gradient, laid_out, packed
from plugrad.ops.normalization._layouts import group_layout
from plugrad.ops.normalization._normalized import COMPUTED_AGAIN, statistics


def _reference(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,  # noqa: ARG001 (it has no part in the output)
) -> Tensor:
    if weight is None and bias is not None:  # of which torch has no gradient
        weight = torch.ones_like(bias)
    return torch.nn.functional.group_norm(x, num_groups, weight, bias, eps)


@op(
    "nn.functional.group_norm",
    overrides=(
        torch.nn.functional.group_norm,
        torch.group_norm,
        torch.ops.aten.group_norm.default,
    ),
    reference=_reference,
    promotes=True,
    waives={"hidden-intermediate": COMPUTED_AGAIN},
)
class GroupNorm(Function):
    """y = (x - mean) / sqrt(var + eps) weight + bias, in each group of channels of each example.

    Channels are dimension 1, and weight and bias have one element for each. The gradient is
    native_group_norm_backward's.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        num_groups: int,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
        cudnn_enabled: bool = True,
    ) -> Tensor:
        if x.dim() < 2 or x.numel() == num_groups:
            torch.nn.functional.group_norm(x, num_groups)  # says what is wrong
        if _may_be_wrong(x, num_groups, weight, bias):
            return torch.group_norm(x, num_groups, weight, bias, eps)  # says what is wrong
        ctx.full, (a, w, b) = in_full_precision(x, weight, bias)
        n, channels = x.shape[:2]
        sizes = n, channels, x.shape[2:].numel(), int(num_groups)
        y, mean, rstd = _native_group_norm(laid_out(a), packed(w), packed(b), *sizes, eps)
        ctx.save_for_backward(x, weight, mean, rstd)
        ctx.mark_non_differentiable(mean, rstd)
        ctx.sizes, ctx.eps = sizes, float(eps)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, rstd = ctx.saved_tensors
        _, (x, weight, _) = in_full_precision(x, weight, None, ctx.full)
        layout, saved = group_layout(*ctx.sizes), (mean, rstd)
        differentiable = isinstance(x, Variable) and x.numel()
        again = statistics(x, ctx.eps, layout, mean) if differentiable else saved
        need_gx, _, *others = ctx.needs_input_grad[:4]
        rest: Any = (*again, ctx.sizes, (need_gx, *others))
        gx, *both = kernel_gradient(gy, x, weight, *rest)
        return gx, None, *both

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 4, 3), 2, make(4), make(4))
        yield Sample(make(2, 3, 2, 2), 1, eps=0.5)
        yield Sample(make(2, 4, 2), 4, weight=make(4))
        yield Sample(make(2, 4), num_groups=2, bias=make(4), cudnn_enabled=False)
        for constant in (0, 2, 3):
            yield Sample(make(2, 4, 3), 2, make(4), make(4)).constant(constant)
        x, weight = make.tensor([[0.0, 1.0, 0.0]]), make.tensor([0.0, 2.0, 0.0])
        yield Sample(x, 1, weight, eps=0.5)
        yield Sample(make(0, 4, 3), 2, make(4), make(4))
        nothing = Sample(make(1, 4, 0), 2, make(4), make(4))
        if torch_before("2.14"):
            yield nothing.without_oracle("the gradient of the weight is nan, and should be 0")
        else:
            yield nothing.raises(RuntimeError, "HxW to be greater than 0")
        yield Sample(make(2, 4, 3), 3).raises(RuntimeError, "divisible")
        yield Sample(make(2, 4, 3), 2, make(3)).raises(RuntimeError, "weight")
        yield Sample(make(2, 4, 3), 2, None, make(3)).raises(RuntimeError, "bias")
        yield Sample(make(4), 2).raises(RuntimeError, "at least 2 dimensions")
        yield Sample(make(1, 4, 1), 4).raises(ValueError, "more than 1 value per channel")


_native_group_norm = torch.native_group_norm


def _may_be_wrong(x: Tensor, groups: int, weight: Tensor | None, bias: Tensor | None) -> bool:
    """Whether torch's function, which checks what the kernel does not, has to look at it."""
    if x.dim() < 2 or groups <= 0 or x.shape[1] % groups:
        return True
    shape = (x.shape[1],)
    return any(t is not None and t.shape != shape for t in (weight, bias))

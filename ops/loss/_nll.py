"""What nll_loss and its kernels share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from plugrad.core import Context
from plugrad.errors import NotDifferentiableError


def forward(
    ctx: Context,
    kernel: Callable[..., Any],
    x: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: int,
    ignore_index: int,
) -> tuple[Tensor, Tensor]:
    """The loss and the sum of weights, which is kept as torch does."""
    if ctx.needs_input_grad[2]:
        refuse_weight("nll_loss")
    y, total = kernel(x, target, weight, reduction, ignore_index)
    ctx.save_for_backward(x, target, weight, total)
    ctx.mark_non_differentiable(total)
    ctx.code, ctx.ignore_index = int(reduction), int(ignore_index)
    return y, total


def backward(ctx: Context, kernel: Callable[..., Tensor], gy: Tensor) -> Tensor:
    """The gradient of x, of which only the shape matters."""
    x, target, weight, total = ctx.saved_tensors
    return kernel(gy, x.contiguous(), target, weight, ctx.code, ctx.ignore_index, total)


def refuse_weight(op_name: str) -> None:
    """Raise NotDifferentiableError, as torch does."""
    raise NotDifferentiableError(
        "the weight of nll_loss requires grad, and there is no gradient for it",
        where=f"a call of {op_name}",
        fix="pass weight.detach()",
    )

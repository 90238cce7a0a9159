"""The rule of straight-through estimators: a gradient goes through rounding as if it were none."""

from __future__ import annotations

from torch import Tensor

from plugrad.core import Context, Function
from plugrad.core.unpack import gradient_refused

REASON = "rounding has no slope: the gradient goes straight through it, where x was in range"
#: Why laws compare coarsely where scale is a tensor.
IN_FLOAT32 = "torch's kernel wants scale in float32, and laws are as exact as the inputs"


class StraightThrough(Function):
    """An op with the outputs y and mask, the elements of x that were in range."""

    @staticmethod
    def backward(ctx: Context, gy: Tensor, _: object) -> Tensor:
        """Gx = gy mask."""
        (mask,) = ctx.saved_tensors
        return gy * mask


def noted(ctx: Context, found: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """What the kernel found, y and mask, of which backward needs the mask."""
    ctx.save_for_backward(found[1])
    ctx.mark_non_differentiable(found[1])
    return found


def refuse_parameters(ctx: Context, op_name: str) -> None:
    """Raise where scale or zero_point requires grad, which follow x in these ops.

    Raises:
        ArgumentError: it does; torch raises too.
    """
    for position, name in ((1, "scale"), (2, "zero_point")):
        if ctx.needs_input_grad[position]:
            raise gradient_refused(op_name, name)

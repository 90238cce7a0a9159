"""What softmax and log_softmax share: their arguments, and the cast that comes first."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from plugrad.core import Context


def forward(
    ctx: Context,
    softmax: Callable[..., Tensor],
    x: Tensor,
    dim: int | None,
    stacklevel: int | torch.dtype | None,
    dtype: torch.dtype | None,
) -> Tensor:
    """torch.softmax or torch.log_softmax, as torch's functions and methods call them.

    Those of torch.nn.functional always pass a stacklevel. Only they may leave out the dim.
    """
    if isinstance(stacklevel, torch.dtype):  # the third argument of torch.softmax itself
        dtype = stacklevel
    if dim is None and stacklevel is not None:
        dim = _implicit_dim(softmax.__name__, x)
    y = softmax(x, dim, dtype)  # which refuses None
    ctx.save_for_backward(y)
    ctx.dim = int(dim)  # type: ignore[arg-type]
    ctx.x_dtype = x.dtype
    return y


def backward(ctx: Context, kernel: Callable[..., Tensor], gy: Tensor) -> Tensor:
    """The kernel's gradient, in the dtype of x."""
    (y,) = ctx.saved_tensors
    gx = kernel(gy, y, ctx.dim, y.dtype)
    return gx if gx.dtype is ctx.x_dtype else gx.to(ctx.x_dtype)


def _implicit_dim(name: str, x: Tensor) -> int:
    """The dimension torch takes where none is given, with its warning."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=5,
    )
    return 0 if x.dim() in (0, 1, 3) else 1

"""What the fills of a tensor, most of them with random numbers, have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function
from plugrad.errors import ArgumentError


class Filled(Function):
    """An op of whose first argument only shape, dtype and memory matter."""

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        """Gx = 0."""
        return torch.zeros_like(gy)


def filled(ctx: Context, name: str, x: Tensor, *args: Any, **options: Any) -> Tensor:
    """What ``x.name(...)``, an in-place method of torch, would make of x.

    The strides are x's, for torch's kernels draw other numbers for others.

    Raises:
        ArgumentError: an argument that torch takes as a number requires grad.
    """
    if any(ctx.needs_input_grad[1:]):
        raise ArgumentError(
            f"{name} takes numbers, and a Variable that requires grad was given for one",
            where=f"a call of {name}",
            fix="pass .item() of it: random numbers have no gradient with respect to it; or draw "
            "standard numbers and compute with them: mean + std * torch.randn(...)",
        )
    made: Tensor = getattr(x.new_empty_strided(x.shape, x.stride()), name)(*args, **options)
    return made


def in_place(name: str) -> Callable[..., Tensor]:
    """An in-place method of torch as a function that leaves its argument as it is."""

    def reference(x: Tensor, *args: Any, **options: Any) -> Tensor:
        result: Tensor = getattr(x.clone(), name)(*args, **options)
        return result

    return reference

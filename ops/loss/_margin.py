"""What the margin losses share: sums over the rows of a batch, which may be a single one."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.errors import ArgumentError
from plugrad.ops.loss._reduction import REDUCTIONS, share

NO_SECOND = {"second-order": "torch has no second derivative: differences judge"}


def per_target(terms: Tensor, target: Tensor, weight: Tensor, reduction: int) -> Tensor:
    """The sum of each class's ``terms``, one a row: the gradient of the classes' weights."""
    terms = share(terms.reshape(-1), reduction, terms.numel())
    return terms.new_zeros(weight.shape).index_add(0, target.reshape(-1), terms)


def of_cotangent(products: Tensor, reduction: int) -> Tensor:
    """The gradient of a backward kernel's cotangent, from gz times the kernel of ones."""
    return products.sum(-1) if REDUCTIONS[reduction] == "none" else products.sum()


def check_cotangent(op_name: str, x: Tensor, y: Tensor, reduction: int) -> None:
    """Refuse a cotangent that is not of the loss's shape: torch's kernels do not look at it.

    Raises:
        ArgumentError: it is not.
    """
    shape = y.shape[:-1] if REDUCTIONS[reduction] == "none" else y.shape[:0]
    if x.shape != shape:
        raise ArgumentError(
            f"{op_name}() was given a grad_output of shape {tuple(x.shape)}, but the loss has the "
            f"shape {tuple(shape)}",
            where=f"a call of {op_name}",
            fix=f"pass a grad_output of shape {tuple(shape)}",
        )


def ones(y: Tensor, reduction: int) -> Tensor:
    """The cotangent of ones."""
    return torch.ones_like(y[..., 0]) if REDUCTIONS[reduction] == "none" else y.new_ones(())

"""What the soft margin losses share: their gradient, in steps that cannot overflow."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.ops.loss._reduction import reduced, reduction_code, share


def loss(x: Tensor, target: Tensor, reduction: int = 1) -> Tensor:
    """The loss in plain torch, whose kernel overflows and has no gradient of target."""
    return reduced(torch.nn.functional.softplus(-x * target, threshold=40), reduction)


def reference(
    x: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The same, with the arguments of ``torch.nn.functional.soft_margin_loss``."""
    return loss(x, target, reduction_code(size_average, reduce, reduction))


def gradient(gz: Tensor, x: Tensor, y: Tensor, reduction: int) -> Tensor:
    """The gradient of x in log(1 + exp(-x y)), which is symmetric: and of y, with both swapped.

    torch's kernel divides an exponential by itself plus 1, and is nan where it is infinite.
    """
    return share(-gz * finite(y) * torch.sigmoid(-finite(x * y)), reduction, x.numel())


def finite(y: Tensor) -> Tensor:
    """``y`` with the largest numbers for infinite ones, whose product with 0 is 0."""
    largest = torch.finfo(y.dtype if y.is_floating_point() else torch.float32).max
    return y.clamp(-largest, largest)

"""What the triplet losses share: one distance less than another by a margin."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from plugrad.ops.loss._reduction import reduced


def loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
    reduction: int,
) -> Tensor:
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = torch.minimum(far, distance(positive, negative))
    return reduced((margin + near - far).clamp_min(0), reduction)

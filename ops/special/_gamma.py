"""The derivative of lgamma, to the last digits also beside the poles."""

from __future__ import annotations

import math
from typing import Any

import torch


def digamma(x: Any) -> Any:
    """What torch.digamma is, of a negative x by its reflection with the distance to the next pole.

    digamma(x) = digamma(1 - x) - pi / tan(pi x): Abramowitz and Stegun 6.3.7. torch multiplies
    x - trunc(x) by pi, of which beside the pole at -1 few digits are the distance's.
    """
    beside = x - x.round()
    left = (x < 0) & (beside != 0)
    mirrored = (1 - torch.where(left, x, 0.0)).digamma()
    angle = math.pi * torch.where(left, beside, 0.25)
    # Not 1 / tan, whose derivatives cancel at half of pi.
    reflected = mirrored - math.pi * angle.cos() / angle.sin()
    return torch.where(left, reflected, torch.where(left, 1.0, x).digamma())

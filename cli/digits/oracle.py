"""The oracle: torch's autograd, asked for the gradients that plugrad found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

import plugrad as pg
from plugrad.cli.digits.model import mean_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.cli.digits.data import Images


_G = TypeVar("_G", pg.Variable, Tensor)
#: The largest difference that is rounding, not a mistake.
_TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-12}


@dataclass(frozen=True)
class Difference:
    """How far plugrad's gradients are from torch's, at the worst of all parameters.

    Attributes:
        dtype: what both were computed in.
        absolute: the largest difference of two elements.
        relative: the same over the largest element of torch's gradients.
    """

    dtype: torch.dtype
    absolute: float
    relative: float

    @property
    def is_rounding(self) -> bool:
        """Whether the two agree as well as two right answers do.

        Probabilities are rounded alike however small training has made the gradients, so
        it is enough that one of both figures is small.
        """
        return min(self.absolute, self.relative) <= _TOLERANCES[self.dtype]


def gradient_difference(weights: Sequence[Tensor], batch: Images, dtype: torch.dtype) -> Difference:
    """Compare both engines' gradients of the loss on ``batch`` at ``weights``, in ``dtype``."""
    batch = batch.to(dtype)
    weights = [w.detach().to(dtype) for w in weights]
    return _difference(_from_plugrad(weights, batch), _from_torch(weights, batch))


def _from_plugrad(weights: Sequence[Tensor], batch: Images) -> list[Tensor]:
    parameters = [pg.Parameter(w.clone()) for w in weights]
    mean_loss(pg.Variable(batch.pixels), batch.labels, parameters).backward()
    return [_present(p.grad).data for p in parameters]


def _from_torch(weights: Sequence[Tensor], batch: Images) -> list[Tensor]:
    parameters = [w.clone().requires_grad_() for w in weights]
    mean_loss(batch.pixels, batch.labels, parameters).backward()
    return [_present(p.grad) for p in parameters]


def _present(gradient: _G | None) -> _G:
    assert gradient is not None, "backward left a parameter without a gradient"
    return gradient


def _difference(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Difference:
    # Tensor.max, unlike Python's, lets a NaN through, and a NaN is never within tolerance.
    pairs = zip(ours, theirs, strict=True)
    absolute = torch.stack([(a - b).abs().max() for a, b in pairs]).max()
    largest = torch.stack([b.abs().max() for b in theirs]).max()
    return Difference(largest.dtype, float(absolute), float(absolute / largest))

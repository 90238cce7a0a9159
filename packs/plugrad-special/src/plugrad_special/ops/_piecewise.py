"""piecewise: a function that is computed in another way in each part of its domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import torch
from torch import Tensor

Formula: TypeAlias = Callable[..., Tensor]


def piecewise(
    pieces: Iterable[tuple[Tensor, Formula]], otherwise: Formula, *operands: Tensor
) -> Tensor:
    """The first formula whose condition holds, element by element; ``otherwise`` if none does.

    A formula gets flat tensors with its own elements alone, so it needs no guard against
    arguments that are not its own, and what no element needs is not computed. All tensors
    are of one shape.
    """
    result = torch.empty_like(operands[0])
    rest = torch.ones_like(result, dtype=torch.bool)
    for condition, formula in pieces:
        _fill(result, rest & condition, formula, operands)
        rest &= ~condition
    _fill(result, rest, otherwise, operands)
    return result


def _fill(result: Tensor, here: Tensor, formula: Formula, operands: tuple[Tensor, ...]) -> None:
    if bool(here.any()):
        result[here] = formula(*[operand[here] for operand in operands])

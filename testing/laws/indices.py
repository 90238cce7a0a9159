"""Indices that repeat, and masks that are mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from plugrad.testing.call import refuse_surrogate
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.forward import refused_by_reference
from plugrad.testing.laws.inputs import is_index
from plugrad.testing.laws.like_torch import beside_oracle, like_oracle
from plugrad.testing.laws.numeric import needs_wide
from plugrad.testing.laws.ties import slopes_right
from plugrad.testing.shared import refuse_undifferentiable

if TYPE_CHECKING:
    from torch import Tensor

    from plugrad.testing.case import Case


@LAWS.law("indices", "special points")
def indices(case: Case) -> None:
    """Where an index repeats, or a mask is true in some places only, the gradient is right too.

    A rule that writes where it must add is right as long as all indices differ, and one that
    forgets a mask is right where the mask is true everywhere. Samples are often made so. An op
    that cannot know the gradient there refuses such indices, or waives this law.
    """
    call = refuse_undifferentiable(case)
    refuse_surrogate(case)
    needs_wide(case, call)
    if case.waiver("numeric") is not None:
        raise NotApplicable("the gradient is not the slope, as the op says")
    tried = 0
    for i, given in enumerate(case.inputs):
        if given.differentiable or given.tensor.numel() < 2:
            continue
        if given.tensor.dtype is torch.bool:
            tried += _right_with(case, i, _mixed(given.tensor), f"with a mixed {given.name}")
        elif is_index(given):
            for dim in range(given.tensor.dim()):
                other = _in_pairs(given.tensor, dim)
                tried += _right_with(case, i, other, f"where {given.name} repeats")
    if not tried:
        raise NotApplicable("no index can repeat here, and no mask is the same in all places")


def _mixed(mask: Tensor) -> Tensor:
    """A mask that is true in every other place, if it was the same everywhere."""
    if bool(mask.any()) and not bool(mask.all()):
        return mask
    places = torch.arange(mask.numel(), device=mask.device)
    return (places % 2 == 0).reshape(mask.shape)


def _in_pairs(index: Tensor, dim: int) -> Tensor:
    """An index that repeats along a dimension: of every two places both have the smaller number.

    So none is larger than it was: it stays within what it counts, and offsets stay in order.
    """
    places = torch.arange(index.shape[dim], device=index.device)
    beside = (places ^ 1).clamp_max(len(places) - 1)  # 1, 0, 3, 2, ...
    return torch.minimum(index, index.index_select(dim, beside))


def _right_with(case: Case, i: int, other: Tensor, what: str) -> bool:
    """Raise Violation unless the gradient is right where input ``i`` is ``other``.

    False if nothing can be said: it is what it was, or the op or its reference does not take it.
    """
    values = case.values
    if torch.equal(values[i], other):
        return False
    values[i] = other
    pair = beside_oracle(case, values)
    if pair is not None and like_oracle(case, [pair])[0]:
        return True
    if pair is None and refused_by_reference(case, values):
        return False
    try:
        return slopes_right(case, values, f"{what},")
    except (Violation, NotApplicable):
        raise
    except Exception:  # backward refuses it: no gradient is wrong silently
        return False

"""The pseudoinverse that a solution of least squares comes from: of the rank that was found."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.errors import NotDifferentiableError
from plugrad.ops._possibly import possibly


def of_rank(x: Tensor, rank: Tensor, driver: str | None) -> Tensor:
    """x^+ with as many singular values as ``rank`` says, whatever the driver makes of an rcond.

    Raises:
        NotDifferentiableError: driver gelsy cut something off, which is not by singular values.
    """
    values = torch.linalg.svdvals(x.detach())
    if not values.numel():
        return torch.linalg.pinv(x)
    if driver in (None, "gelsy") and possibly(rank < values.shape[-1], False):
        raise NotDifferentiableError(
            "rcond cuts off a part of the matrix, and driver='gelsy' does so by columns, not by "
            "singular values: the gradient of that is not known",
            where="backward of linalg.lstsq",
            fix="pass driver='gelsd', which cuts off singular values",
        )
    # Between the last value that counts and the first that does not.
    ends = torch.cat([2 * values[..., :1], values, torch.zeros_like(values[..., :1])], -1)
    pairs = (ends[..., 1:] + ends[..., :-1]) / 2
    between = pairs.gather(-1, rank.to(torch.int64).unsqueeze(-1)).squeeze(-1)
    return torch.linalg.pinv(x, atol=between, rtol=torch.zeros_like(between))

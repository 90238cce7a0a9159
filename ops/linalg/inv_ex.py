"""linalg.inv_ex: the inverse of a matrix, and whether it has one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before


@op(
    "linalg.inv_ex",
    overrides=(torch.linalg.inv_ex, torch.ops.aten.linalg_inv_ex.default),
    aliases={"A": "x"},
    waives={"layouts": "an expanded matrix is singular: what is found is rounding"}
    if torch_before("2.13")
    else {},
)
class InvEx(Function):
    """y = x^-1;  gx = -y^H gy y^H.  info, not 0 where x is singular, has no gradient.

    Giles 2008, section 2.2.3.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, check_errors: bool = False) -> Any:
        found = y, info = torch.linalg.inv_ex(x, check_errors=check_errors)
        ctx.save_for_backward(y)
        ctx.mark_non_differentiable(info)
        return found

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Any) -> Tensor:
        (y,) = ctx.saved_tensors
        return -y.mH @ (gy @ y.mH)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3) + 3 * torch.eye(3))
        yield Sample(make(2, 3, 3) + 3 * torch.eye(3))
        yield Sample(make.complex(3, 3), check_errors=True)
        yield Sample(make(0, 0))
        yield Sample(make(0, 2, 2))
        yield Sample(make.tensor([[0.0, 1.0], [2.0, 0.0]]))
        singular = Sample(make.tensor([[1.0, 2.0], [2.0, 4.0]]), check_errors=True)
        yield singular.raises(RuntimeError, "singular")
        yield Sample(make(2, 3)).raises(RuntimeError, "square")

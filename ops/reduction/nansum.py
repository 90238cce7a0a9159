"""nansum: the sum of what is not nan."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops._number import number
from plugrad.ops.reduction._dims import Dim, cast, normal_dims, unreduced


@op("nansum", methods=("nansum",), overrides=(torch.nansum, torch.ops.aten.nansum.default))
class Nansum(Function):
    """y = sum of x over dim, nan counted as 0;  gx = gy, but 0 where x is nan.

    No dim and an empty one mean all dimensions.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: Dim = None,
        keepdim: bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        dim = number(dim)
        ctx.save_for_backward(x)
        ctx.dims = normal_dims(x, dim)
        return torch.nansum(x, dim, keepdim, dtype=dtype)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return torch.where(x.isnan(), 0.0, cast(unreduced(gy, x.shape, ctx.dims), x.dtype))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        nan = float("nan")
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), 1)
        yield Sample(make(2, 3, 2), (0, -1))
        yield Sample(make(2, 3, 2), [1], True)
        yield Sample(make(3, 4), dim=-1, keepdim=True)
        yield Sample(make(3, 4), None, True)
        all_of_it, reason = Sample(make(3, 4), dim=()), "torch's own kernel for it reduces nothing"
        yield all_of_it.waive("meta", reason) if torch_before("2.14") else all_of_it
        yield Sample(make(3, 4), dtype=torch.float32)
        yield Sample(make(3, 4, dtype=torch.float32), 0, dtype=torch.float64)
        yield Sample(make.integers(3, 4), 0)
        yield Sample(make())
        yield Sample(make(), 0)
        yield Sample(make(0, 3))
        yield Sample(make(0, 3), 1)
        yield Sample(make.tensor([[nan, 1.0, 0.0], [nan, nan, 2.0]]), 1)
        yield Sample(make.tensor([[nan, 1.0, 0.0], [nan, nan, 2.0]]))

"""sparse_coo_tensor_with_dims_and_tensors: a sparse tensor from indices and elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sparse._lookup import looked_up

_KERNEL = torch.ops.aten._sparse_coo_tensor_with_dims_and_tensors.default


@op(
    "sparse_coo_tensor_with_dims_and_tensors",
    overrides=(_KERNEL,),
    promotes=True,
    linear=True,
    equivalent={
        f"option-ignored[{name}]": "the gradient is that of the values in any case"
        for name in ("dtype", "layout")
    },
)
class SparseCooTensorWithDimsAndTensors(Function):
    """y has these values at these indices, sums where an index repeats;  gvalues = gy there."""

    @staticmethod
    def forward(
        ctx: Context,
        sparse_dim: int,
        dense_dim: int,
        size: Sequence[int],
        indices: Tensor,
        values: Tensor,
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | None = None,
        pin_memory: bool | None = False,
        is_coalesced: bool | None = None,
    ) -> Tensor:
        options: Any = {"dtype": dtype, "layout": layout, "device": device}
        ctx.save_for_backward(indices)
        parts = sparse_dim, dense_dim, list(size), indices, values
        return _KERNEL(*parts, is_coalesced=is_coalesced, **options)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[None, None, None, None, Tensor]:
        (indices,) = ctx.saved_tensors
        return None, None, None, None, looked_up(gy, indices)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        where = make.tensor([[0, 1, 1], [1, 0, 2]], torch.int64)
        options: dict[str, Any] = {"layout": torch.sparse_coo, "device": make.device}
        yield Sample(2, 0, [2, 3], where, make(3), dtype=torch.float64, **options)
        yield Sample(2, 1, [2, 3, 2], where, make(3, 2), dtype=torch.float64, **options)
        complex_ = {"dtype": torch.complex128, "is_coalesced": True, **options}
        yield Sample(2, 0, [2, 3], where, make.complex(3), **complex_)

"""sparse_coo_tensor: a sparse tensor from indices and elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sparse._lookup import looked_up

_VALUES = "the gradient is that of the values in any case"


@op(
    "sparse_coo_tensor",
    reference=torch.sparse_coo_tensor,
    promotes=True,
    linear=True,
    equivalent={
        f"option-ignored[{name}]": _VALUES for name in ("dtype", "device", "check_invariants")
    },
)
class SparseCooTensor(Function):
    """y has these values at these indices, sums where an index repeats;  gvalues = gy there.

    torch.sparse_coo_tensor does not ask the engine, so it takes no Variable: call this.
    """

    @staticmethod
    def forward(
        ctx: Context,
        indices: Tensor,
        values: Tensor,
        size: Sequence[int] | None = None,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
        check_invariants: bool | None = None,
        is_coalesced: bool | None = None,
    ) -> Tensor:
        where = torch.as_tensor(indices, device=values.device)
        ctx.save_for_backward(where)
        given: dict[str, Any] = {
            "dtype": dtype,
            "device": device,
            "check_invariants": check_invariants,
            "is_coalesced": is_coalesced,  # which torch 2.6 takes with a size only
        }
        sizes: Any = () if size is None else (size,)
        options = {name: value for name, value in given.items() if value is not None}
        return torch.sparse_coo_tensor(where, values, *sizes, **options)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[None, Tensor]:
        (indices,) = ctx.saved_tensors
        return None, looked_up(gy, indices)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        where = make.tensor([[0, 1, 1], [1, 0, 2]], torch.int64)
        yield Sample(where, make(3))
        yield Sample(where, make(3), (2, 4), check_invariants=True)
        yield Sample(where, make(3, 2), size=(2, 3, 2), is_coalesced=True)
        complex_ = Sample(where, make.complex(3), (2, 3))
        yield complex_.waive("second-order", "torch has none of complex sparse tensors")
        yield Sample(make.tensor([[1, 1, 0]], torch.int64), make(3), (2,))
        yield Sample(make.tensor([[]], torch.int64), make(0), (2,))
        yield Sample(where, make(2), (2, 3)).raises(RuntimeError, "nnz")

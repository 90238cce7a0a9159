"""sparse_bsc_tensor: a sparse tensor of compressed columns of blocks, from its elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.ops.sparse._compressed import DECLARED, FromParts, calls, made, reference


@op("sparse_bsc_tensor", reference=reference(torch.sparse_bsc_tensor), **DECLARED)
class SparseBscTensor(FromParts):
    """y has these values where ccol_indices and row_indices say;  gvalues = gy there.

    torch.sparse_bsc_tensor does not ask the engine, so it takes no Variable: call this. The
    indices are checked unless check_invariants is False.
    """

    @staticmethod
    def forward(
        ctx: Context,
        ccol_indices: Tensor,
        row_indices: Tensor,
        values: Tensor,
        size: Sequence[int] | None = None,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | None = None,
        check_invariants: bool = True,
    ) -> Tensor:
        parts = ccol_indices, row_indices, values
        options = {"dtype": dtype, "device": device, "check_invariants": check_invariants}
        return made(ctx, parts, size, torch.sparse_bsc, **options)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from calls(make, (6, 2), (2, 1))

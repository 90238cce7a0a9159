"""sparse_compressed_tensor: a sparse tensor of compressed rows or columns, from its elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op

_KERNEL = torch.ops.aten.sparse_compressed_tensor.comp_plain_value_size
_VALUES = "the gradient is that of the values in any case"


@op(
    "sparse_compressed_tensor",
    overrides=(_KERNEL,),
    promotes=True,
    linear=True,
    equivalent={
        "option-ignored[layout]": _VALUES,
        "option-ignored[device]": _VALUES,
        "state-shared": "of what is saved only the places are used, which calls of a sample share",
    },
)
class SparseCompressedTensor(Function):
    """y has these values where compressed_indices and plain_indices say;  gvalues = gy there."""

    @staticmethod
    def forward(
        ctx: Context,
        compressed_indices: Tensor,
        plain_indices: Tensor,
        values: Tensor,
        size: Sequence[int],
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | None = None,
        pin_memory: bool | None = False,
    ) -> Tensor:
        options: Any = {"dtype": dtype or values.dtype, "layout": layout, "device": device}
        parts = compressed_indices, plain_indices, values
        y = _KERNEL(*[t.contiguous() for t in parts], size, **options)  # else torch misreads them
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[None, None, Tensor]:
        (y,) = ctx.saved_tensors
        return None, None, gy.to_dense().sparse_mask(y.detach()).values()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        where = (
            make.tensor([0, 1, 3], torch.int64),
            make.tensor([1, 0, 2], torch.int64),
        )
        rows: Any = {"dtype": torch.float64, "layout": torch.sparse_csr}
        columns: Any = {"dtype": torch.complex128, "layout": torch.sparse_csc}
        none = "torch has no second derivative of CSR tensors"
        yield Sample(*where, make(3), [2, 3], **rows).waive("second-order", none)
        complex_ = Sample(*where, make.complex(3), [3, 2], **columns)
        for law in ("zero-cotangent", "batched-cotangents"):
            complex_ = complex_.waive(law, "torch's CSC tensors have no strides")
        yield complex_
        wrong = Sample(*where, make.complex(3), [2, 3], **rows)
        yield wrong.raises(RuntimeError, "dtype")

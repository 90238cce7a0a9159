"""What embedding and its primitives share: the gradient by rows, and its adjoint."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.core import Sample
from plugrad.core.counted import counted
from plugrad.errors import ArgumentError

#: Why no sample shows sparse.
NO_SPARSE_SAMPLE = "the laws compare no sparse gradient with a dense one: tests/ops/embedding does"

_sparse_backward = torch.ops.aten.embedding_sparse_backward.default


def counts(indices: Tensor, rows: int, dtype: torch.dtype) -> Tensor:
    """How often each index stands in ``indices``, at each of its places."""
    flat = indices.flatten().long()
    ones = torch.ones(flat.shape, dtype=dtype, device=flat.device)
    each = torch.zeros(rows, dtype=dtype, device=flat.device).index_add_(0, flat, ones)
    return each[flat].view(indices.shape)


def sparse_gradient(
    gy: Tensor, indices: Tensor, rows: int, padding_idx: int, scale_grad_by_freq: bool
) -> Tensor:
    """The gradient of a table as a sparse tensor, with a row for each index, as torch has it."""
    if scale_grad_by_freq:
        raise ArgumentError(
            "with sparse=True an embedding has no gradient by frequency (nor does it in torch)",
            where=f"backward of an embedding, a table of {counted(rows, 'row')}",
            fix="leave out scale_grad_by_freq=True; or sparse=True, for a dense gradient",
        )
    gy = gy.reshape(indices.numel(), gy.shape[-1])
    return _sparse_backward(gy, indices.flatten(), rows, padding_idx, False)


def rows_of(gz: Tensor, indices: Tensor, padding_idx: int, scale_grad_by_freq: bool) -> Tensor:
    """The adjoint of embedding_dense_backward: rows of ``gz``, 0 for padding, by frequency."""
    gx = torch.embedding(gz, indices)
    if padding_idx >= 0:
        gx = gx.masked_fill((indices == padding_idx).unsqueeze(-1), 0)
    if scale_grad_by_freq:
        gx = gx / counts(indices, gz.shape[0], gz.dtype).unsqueeze(-1)
    return gx


def by_choice(sample: Sample, by_freq: bool = False) -> Sample:
    """A sample whose gradient is on purpose not the slope of forward."""
    reason = "padding gets no gradient, and scale_grad_by_freq divides it"
    sample = sample.waive("numeric", reason).waive("complex", reason)
    forgotten = "torch's second derivative forgets scale_grad_by_freq"
    return sample.waive("second-order", forgotten) if by_freq else sample

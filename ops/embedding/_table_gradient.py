"""The gradient of a table of which bags were taken, dense by the kernel or sparse."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.errors import ArgumentError
from plugrad.ops.embedding._bags import MAX, MEAN, by_frequency
from plugrad.ops.embedding._rows import sparse_gradient


def gradient_of_table(
    sparse: bool,
    gy: Tensor,
    indices: Tensor,
    bag: Tensor,
    sizes: Tensor,
    places: Tensor,
    num_weights: int,
    by_freq: bool,
    *last: Any,
) -> Tensor:
    """What is added to each of the table's ``num_weights`` rows; ``last`` are the kernel's."""
    given = gy, indices, bag, sizes, places, num_weights
    if sparse:
        return _sparse_gradient(*given, by_freq, *last)
    gx = _dense_gradient(*given, False, *last)
    return by_frequency(gx, indices) if by_freq else gx


def _sparse_gradient(
    gy: Tensor,
    indices: Tensor,
    bag: Tensor,
    sizes: Tensor,
    places: Tensor,  # noqa: ARG001 (of a maximum)
    num_weights: int,
    scale_grad_by_freq: bool,
    mode: int,
    per_sample_weights: Tensor | None,
    padding_idx: int,
) -> Tensor:
    """It as a sparse tensor, with a row for each index, as torch has it."""
    if mode == MAX:
        raise ArgumentError(
            "with sparse=True a maximum of bags has no gradient (nor does it in torch)",
            where="backward of embedding_bag",
            fix="leave out sparse=True, for a dense gradient",
        )
    if mode == MEAN:
        gy = gy / sizes.clamp(min=1).unsqueeze(1)
    each = gy.index_select(0, bag.long())
    each = each if per_sample_weights is None else each * per_sample_weights.unsqueeze(1)
    return sparse_gradient(each, indices, num_weights, padding_idx, scale_grad_by_freq)


def with_rest(
    gy: Tensor, sizes: Tensor, places: Tensor, mode: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The same with one more bag, for indices after the last offset, which are in no other.

    Its gradient is 0; without it the kernels would read beyond ``gy``.
    """
    gy = torch.cat([gy, gy.new_zeros(1, gy.shape[1])])
    sizes = torch.cat([sizes, sizes.new_full((1,), mode != MAX)])
    return gy, sizes, torch.cat([places, places.new_zeros(1, *places.shape[1:])])


_dense_gradient = torch.ops.aten._embedding_bag_dense_backward.default

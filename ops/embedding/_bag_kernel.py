"""torch's kernel for bags, with arguments that it can take."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.ops.embedding._bags import (
    check_bags,
    check_offsets,
    packed,
)


def bag_kernel(
    x: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,  # noqa: ARG001 (of a dense gradient)
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    check_bags(x, indices, per_sample_weights)
    check_offsets(indices, offsets, include_last_offset)
    x, indices, offsets, per_sample_weights = packed(x, indices, offsets, per_sample_weights)
    last = per_sample_weights, include_last_offset, padding_idx
    return _embedding_bag(x, indices, offsets, scale_grad_by_freq, mode, False, *last)


_embedding_bag: Any = torch._embedding_bag  # whose type stub knows of no arguments in a list

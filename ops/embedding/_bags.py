"""What the ops of embedding_bag share: which bag each index is in, and sums over bags."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.errors import ArgumentError
from plugrad.ops.embedding._rows import counts

SUM, MEAN, MAX = 0, 1, 2
FLOATING = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
#: Why no sample shows include_last_offset.
AFTER_THE_LAST = "it matters after the last offset, where torch reads beyond its memory"


def bags(indices: Tensor, offsets: Tensor) -> Tensor:
    """The number of the bag that each of ``indices`` is in."""
    starts = torch.zeros(indices.numel() + 1, dtype=offsets.dtype, device=offsets.device)
    starts.index_add_(0, offsets, torch.ones_like(offsets))
    return (starts.cumsum(0)[:-1] - 1).to(offsets.dtype)


def rows(table: Tensor, indices: Tensor, by_freq: bool = False) -> Tensor:
    """The rows of ``table`` at ``indices``, by frequency divided by how often each stands there."""
    y = table.index_select(0, indices.long())
    return y / counts(indices, table.shape[0], table.dtype).unsqueeze(-1) if by_freq else y


def without_padding(x: Tensor, indices: Tensor, padding_idx: int) -> Tensor:
    """``x``, something for each of ``indices``, with 0 for the padding."""
    if padding_idx < 0:
        return x
    padding = (indices == padding_idx).view(-1, *(1,) * (x.dim() - 1))
    return x.masked_fill(padding, 0)


def summed(x: Tensor, places: Tensor, count: int) -> Tensor:
    """The sums of the rows of ``x`` that are for the same place, for ``count`` places."""
    return x.new_zeros(()).expand(count, *x.shape[1:]).index_add(0, places.long(), x)


def by_frequency(z: Tensor, indices: Tensor) -> Tensor:
    """The gradient ``z`` of a table, each row divided by how often ``indices`` name it.

    The kernel would do it, but takes the counts of other indices.
    """
    ones = torch.ones(indices.shape, dtype=z.dtype, device=z.device)
    return z / summed(ones, indices, z.shape[0]).clamp(min=1).unsqueeze(1)


def packed(*tensors: Tensor | None) -> list[Any]:
    """``tensors`` as the kernels read them, whether they are so or not: contiguous."""
    return [None if t is None else t.contiguous() for t in tensors]


def for_kernels(places: Tensor) -> Tensor:
    """Indices or offsets, as the kernels of backward read them; forward's takes narrower ones."""
    wide = places.dtype in (torch.int64, torch.int32)
    return places.contiguous() if wide else places.long()


def check_bags(table: Tensor, indices: Tensor, *like_indices: Tensor | None) -> None:
    """Raise ArgumentError for shapes that do not fit, at which the kernels do not look."""
    fits = table.dim() == 2 and indices.dim() == 1 and (len(table) > 0 or indices.numel() == 0)
    if fits and all(t is None or t.shape == indices.shape for t in like_indices):
        return
    shapes = [tuple(t.shape) for t in (table, indices, *like_indices) if t is not None]
    raise ArgumentError(
        f"embedding_bag got tensors of shapes {', '.join(map(str, shapes))}",
        where="a call of a kernel of embedding_bag",
        fix="call torch.nn.functional.embedding_bag; or give a table of two dimensions, indices of "
        "one, and a weight for each of them",
    )


def check_sizes(x: Tensor, sizes: Tensor, places: Tensor | None) -> None:
    """Raise ArgumentError unless there are a row of ``x`` and a size for each bag, and places."""
    if sizes.shape != x.shape[:1] or (places is not None and places.shape != x.shape):
        raise ArgumentError(
            f"embedding_bag got {tuple(sizes.shape)} sizes for bags of shape {tuple(x.shape)}",
            where="a call of a kernel of embedding_bag",
            fix="give what embedding_bag returned with its output",
        )


def check_offsets(indices: Tensor, offsets: Tensor, include_last_offset: bool) -> None:
    """Raise ArgumentError where there are indices for no bag, at which the kernel dies.

    It reads beyond offsets of another device, too.
    """
    if indices.device != offsets.device:
        raise ArgumentError(
            f"embedding_bag got indices on {indices.device} and offsets on {offsets.device}",
            where="a call of a kernel of embedding_bag",
            fix=f"move the offsets with .to({str(indices.device)!r})",
        )
    if indices.numel() and offsets.numel() <= include_last_offset:
        raise ArgumentError(
            f"embedding_bag got {indices.numel()} indices and no bag: {offsets.numel()} offsets "
            f"with include_last_offset={include_last_offset}",
            where="a call of a kernel of embedding_bag",
            fix="give an offset for each bag, and with include_last_offset=True one more",
        )

"""How layer_norm, batch_norm and group_norm see their tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from plugrad.ops.normalization._normalized import Layout


def layer_layout(shape: torch.Size, normalized_shape: Sequence[int]) -> Layout:
    """One mean for each position of the leading dimensions."""
    count = len(normalized_shape)
    lead = tuple(shape[: len(shape) - count])
    dims = tuple(range(len(lead), len(shape)))
    return Layout((*lead, *normalized_shape), lead + (1,) * count, tuple(normalized_shape), dims)


def batch_layout(shape: torch.Size) -> Layout:
    """One mean for each channel, dimension 1."""
    n, channels, *pixels = shape if len(shape) > 1 else (0, 0)
    channel = (1, channels, *(1,) * len(pixels))
    return Layout((n, channels, *pixels), channel, channel, (0, *range(2, 2 + len(pixels))))


def group_layout(n: int, channels: int, pixels: int, groups: int) -> Layout:
    """One mean for each group of channels of each example."""
    each = channels // groups
    return Layout((n, groups, each, pixels), (n, groups, 1, 1), (1, groups, each, 1), (2, 3))

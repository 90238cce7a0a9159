"""What group_norm and native_group_norm share: their output's layout, and their gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.core.context import transform_depth
from plugrad.ops._strides import CHANNELS_LAST
from plugrad.ops.normalization._layouts import group_layout


def packed(x: Tensor | None) -> Any:
    """``x`` for a kernel, which reads it as if it were contiguous, whether it is or not."""
    return None if x is None else x.contiguous()


def laid_out(x: Tensor) -> Tensor:
    """``x`` for the forward kernel: as torch packs it, in its memory format, which y then has."""
    # On other devices the kernel has no other format, and torch.vmap knows of none.
    if x.dim() not in CHANNELS_LAST or x.is_contiguous() or not x.is_cpu or transform_depth():
        return x.contiguous()
    return x.contiguous(memory_format=_suggested_format(x))


def _suggested_format(x: Tensor) -> torch.memory_format:
    """What C++ calls ``x.suggest_memory_format()``, for a tensor of 4 or 5 dimensions."""
    # torch._prims_common has a function of that name, which is wrong for pixels of size 1.
    least, strides = 0, x.stride()
    for dim in (1, *range(x.dim() - 1, 1, -1), 0):
        ambiguous = dim == 0 and least == strides[1]
        if not strides[1] or not x.shape[dim] or strides[dim] < least or ambiguous:
            return torch.contiguous_format
        least = strides[dim] * x.shape[dim]
    return CHANNELS_LAST[x.dim()]


def kernel_gradient(
    gy: Tensor,
    x: Tensor,
    weight: Tensor | None,
    mean: Tensor,
    rstd: Tensor,
    sizes: tuple[int, int, int, int],
    needs: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The gradients of x, weight and bias that the output's gives, as ``needs`` says."""
    need_gx, need_gweight, need_gbias = needs
    if not x.numel():  # of which they are nan, and sums of nothing are 0
        mean, rstd = torch.zeros_like(mean), torch.zeros_like(rstd)
    # Without a weight the kernel has no gradient of the bias.
    by_kernel = [need_gx, need_gweight, need_gbias and weight is not None]
    # Packed: of channels_last torch's kernel writes a gx also if nobody wants it, to nowhere.
    tensors = [packed(t) for t in (gy, x, mean, rstd, weight)]
    gx, gweight, gbias = _backward(*tensors, *sizes, by_kernel)
    if need_gbias and weight is None:
        layout = group_layout(*sizes)
        gbias = gy.reshape(layout.x).sum_to_size(layout.weight).flatten()
    return gx, gweight, gbias


def with_statistics(
    gx: Tensor | None,
    gmean: Tensor | None,
    grstd: Tensor | None,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    sizes: tuple[int, int, int, int],
) -> Tensor | None:
    """``gx`` with what x gets through the mean and rstd: (gmean - grstd rstd^3 (x - mean)) / n."""
    if gmean is None and grstd is None:
        return gx
    layout = group_layout(*sizes)
    mean, rstd, seen = (
        mean.reshape(layout.statistics),
        rstd.reshape(layout.statistics),
        x.reshape(layout.x),
    )
    more = torch.zeros_like(seen)
    if gmean is not None:
        more = more + gmean.reshape(layout.statistics)
    if grstd is not None:
        more = more - grstd.reshape(layout.statistics) * rstd**3 * (seen - mean)
    more = (more / (layout.x[2] * layout.x[3])).reshape(x.shape).to(x.dtype)  # statistics are wider
    return more if gx is None else gx + more


_backward = torch.ops.aten.native_group_norm_backward.default

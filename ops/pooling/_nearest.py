"""The gradient of nearest-neighbour resizing: it goes to where each element of the output is from.

torch's kernels for the gradient find that out anew, and not always as forward's do: for one and
three dimensions they ignore the scales, and all of them round elsewhere, for example from 8
elements to 219. There the gradient of an element would go to its neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from plugrad.ops._strides import CHANNELS_LAST

#: An index is written in two digits to this base, each exact in every floating dtype.
_BASE = 128
#: With so many channels torch takes the kernels for many.
_CHANNELS = 4


def nearest_gradient(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    gy: Any,
    size: Sequence[int],
    shape: Sequence[int],
    scales: Sequence[float | None],
    in_channels_last: bool = False,
) -> Any:
    """The gradient of x: torch's kernel where that is the adjoint of forward's, else sums.

    Args:
        forward: torch's kernel.
        backward: torch's kernel for its gradient.
        gy: the gradient of the output.
        size: the output's size in space.
        shape: of x.
        scales: as forward was given them.
        in_channels_last: whether x is in that memory format, for which there are other kernels.
    """
    if gy.is_meta or not gy.numel() or 0 in shape:
        return backward(gy, size, shape, *scales)
    tried = tuple(map(int, (1, min(shape[1], _CHANNELS), *shape[2:])))
    said = (tuple(map(int, size)), tried, tuple(scales))
    sources, agrees = _sources(forward, backward, *said, gy.dtype, gy.device, in_channels_last)
    if agrees:
        return backward(gy, size, shape, *scales)
    return _summed(gy, [torch.tensor(indices, device=gy.device) for indices in sources], shape)


def _summed(gy: Any, sources: Sequence[Tensor], shape: Sequence[int]) -> Any:
    """The sums of what is from one element, along each dimension of space."""
    for dim, indices in enumerate(sources, 2):
        zeros = gy.new_zeros((*gy.shape[:dim], shape[dim], *gy.shape[dim + 1 :]))
        gy = zeros.index_add(dim, indices, gy)
    return gy


def is_channels_last(x: Tensor) -> bool:
    """Whether the kernels for channels_last resize ``x``."""
    in_another = x.dim() in CHANNELS_LAST and not x.is_contiguous()
    return in_another and x.is_contiguous(memory_format=CHANNELS_LAST[x.dim()])


@lru_cache(maxsize=256)
def _sources(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    size: tuple[int, ...],
    shape: tuple[int, ...],
    scales: tuple[float | None, ...],
    dtype: torch.dtype,
    device: torch.device,
    in_channels_last: bool,
) -> tuple[tuple[tuple[int, ...], ...], bool]:
    """For each dimension where its elements are from, and whether the gradient goes there.

    The kernels are tried: which of them torch takes depends on all of this, and they differ.
    """
    dims = len(size)
    last = CHANNELS_LAST[dims + 2] if in_channels_last else torch.contiguous_format

    def made(values: Tensor, like: Sequence[int], axis: int) -> Tensor:
        """A tensor that varies along one axis only."""
        view = [-1 if d == axis + 2 else 1 for d in range(dims + 2)]
        wide = values.to(device, dtype).view(view).expand(like).contiguous()
        return wide.contiguous(memory_format=last)

    def resized(values: Tensor, axis: int) -> Tensor:
        there = forward(made(values, shape, axis), size, *scales)
        return there.movedim(axis + 2, -1)[(0,) * (dims + 1)].to("cpu", torch.int64)

    with torch.no_grad(), _disable_current_modes():
        sources = []
        for axis in range(dims):
            places = torch.arange(shape[axis + 2])
            high = resized(places // _BASE, axis)
            sources.append(resized(places % _BASE, axis) + _BASE * high)
        agrees = True
        for axis, m in enumerate(size):
            gy = made(torch.arange(m) % 5 + 1, (*shape[:2], *size), axis)  # unlike its neighbours
            sums = _summed(gy.double().cpu(), sources, shape)
            agrees &= torch.equal(backward(gy, size, shape, *scales).double().cpu(), sums)
    return tuple([tuple(indices.tolist()) for indices in sources]), agrees

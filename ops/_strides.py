"""The strides of dimensions of size 1, which torch's kernels do not all read alike.

They lead to no element, so ``is_contiguous`` ignores them. Kernels that allocate in what
``suggest_memory_format`` says, or step by ``stride(dim)``, do not, and read a tensor in another
layout than its own: ``img.permute(2, 0, 1)[None]``, for one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from plugrad.core import Variable

#: What channels_last is called, by the number of dimensions.
CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
#: The dimensions in that memory format, from the innermost outwards.
_CHANNELS_LAST = {4: (1, 3, 2, 0), 5: (1, 4, 3, 2, 0)}


def with_canonical_strides(x: Tensor, images: bool = True) -> Tensor:
    """``x`` with the strides that its memory format gives to dimensions of size 1; no copy.

    What is contiguous in both formats, as of one channel, gets the strides of the first: some
    kernels take it to be in that, some ask for the strides. What is contiguous in neither comes
    back as it is; so does a Variable, since its op calls this with the tensor. Without ``images``
    channels_last does not count as a format.
    """
    shape = x.shape
    if 1 not in shape or isinstance(x, Variable):
        return x
    dims, strides = len(shape), x.stride()
    contiguous = range(dims - 1, -1, -1)
    if _is_batched(x):  # vmap's kernels see one more dimension, and other strides
        ours = strides == _strides(shape, contiguous)
        return x if ours else x.clone(memory_format=torch.contiguous_format)
    for order in (contiguous, _CHANNELS_LAST.get(dims, ()) if images else ()):
        step, canonical = 1, True
        for dim in order:
            if strides[dim] != step:
                if shape[dim] != 1:
                    break
                canonical = False
            step *= shape[dim]
        else:
            return x if canonical or not order else x.as_strided(shape, _strides(shape, order))
    return x


def with_canonical_batches(x: Tensor) -> Tensor:
    """The same for matrices, whose own memory format is column by column."""
    if 1 not in x.shape or isinstance(x, Variable):
        return x
    if x.mT.is_contiguous():
        return with_canonical_strides(x.mT, images=False).mT
    return with_canonical_strides(x, images=False)


def _strides(shape: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """Those of a tensor without gaps with its dimensions in this order, innermost first."""
    strides, step = [0] * len(shape), 1
    for dim in order:
        strides[dim] = step
        step *= shape[dim]
    return tuple(strides)


_is_batched = torch._C._functorch.is_batchedtensor

"""Unit strides: the strides of dimensions of size 1, which lead to no element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import agree_all, tolerance
from plugrad.testing.law import LAWS, NotApplicable
from plugrad.testing.laws.forward import compare_outputs, refused_by_reference
from plugrad.testing.laws.like_torch import all_dtypes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case

#: How many dimensions images have, with those of batch and channel.
_IMAGES = (4, 5)
_MESSAGE = "strides of dimensions of size 1 change the result"


@LAWS.law("unit-strides", "first order", explained_by=("layouts", "cotangent-layouts"))
def unit_strides(case: Case) -> None:
    """Values and gradients do not depend on the strides of dimensions of size 1.

    No element is reached by them, and a tensor is contiguous whatever they are. But a kernel that
    asks for ``stride(0)`` of ``image.permute(2, 0, 1)[None]``, or takes one channel to be in
    channels-last, reads other elements. Inputs and cotangents with such strides are compared with
    plain ones; images in float32 too, which has kernels of its own. The first sample, and images,
    are cut to a batch of one, and to one channel, if no dimension has size 1.
    """
    if case.draws:
        raise NotApplicable("random numbers are drawn in the order of memory")
    tried = 0
    for values in _numbers(case):
        expected = _outputs_and_gradients(case, values)
        if expected is None:
            continue
        for first, others, cotangents in _LAYOUTS:
            changed = [(others if i else first)(t) for i, t in enumerate(values)]
            if any(map(_has_odd_strides, changed)):
                tried += _same(case, changed, cotangents, *expected)
    if not tried:
        raise NotApplicable("no tensor has a dimension of size 1 beside others")


def _numbers(case: Case) -> Iterator[list[Tensor]]:
    """Contiguous values with dimensions of size 1: the sample's, or cut from them."""
    values = [t.contiguous() for t in case.values]
    if any(map(_has_one, values)):
        found = [values]
    elif case.index == 0 or any(t.dim() in _IMAGES for t in values):
        one = values[:1] and [values[0][:1] if values[0].dim() > 1 else values[0], *values[1:]]
        channel = [t[:, :1] if t.dim() in _IMAGES else t for t in values]
        found = [[t.contiguous() for t in cut] for cut in (one, channel)]
        found = [cut for cut in found if any(map(_has_one, cut))]
    else:
        found = []
    for numbers in found:
        if case.allows(numbers):
            yield numbers
            if any(t.dim() in _IMAGES and t.dtype is torch.float64 for t in numbers):
                yield [t.float() if t.dtype is torch.float64 else t for t in numbers]


def _has_one(tensor: Tensor) -> bool:
    return tensor.numel() > 1 and 1 in tensor.shape


def _outputs_and_gradients(case: Case, values: list[Tensor]) -> tuple[list[Any], list[Any]] | None:
    try:
        call = case.call([t.clone() for t in values])
        return call.tensors, _gradients(call)
    except Exception:  # another size or dtype than the sample's may be refused
        return None


def _same(
    case: Case,
    values: list[Tensor],
    change: Callable[[Tensor], Tensor],
    outputs: list[Any],
    gradients: list[Any],
) -> bool:
    try:
        call = case.call(values)
        got = _gradients(call, change)
    except Exception:
        if refused_by_reference(case, values):
            return False
        raise
    allowed = tolerance(*all_dtypes(case, call))
    compare_outputs(outputs, call.tensors, allowed, _MESSAGE)
    agree_all(case.inputs, gradients, got, allowed, _MESSAGE)
    return True


def _gradients(call: Call, change: Callable[[Tensor], Tensor] = lambda t: t) -> list[Any]:
    if not call.roots:
        return [None] * len(call.case.inputs)
    return call.vjp([change(c) for c in call.cotangents()])


def _odd(tensor: Tensor) -> Tensor:
    """The same elements, with strides of 1 or 3 for dimensions of size 1."""
    if not _has_one(tensor):
        return tensor
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    strides = [(3 if s == 1 else 1) if n == 1 else s for n, s in pairs]
    return tensor.as_strided(tensor.shape, strides, tensor.storage_offset())


def _channels_last(tensor: Tensor) -> Tensor:
    """Images in channels-last, also of one channel; batches of matrices column by column."""
    if tensor.dim() < 3:
        return tensor
    return tensor.movedim(1, -1).contiguous().movedim(-1, 1)


def _odd_channels_last(tensor: Tensor) -> Tensor:
    return _odd(_channels_last(tensor))


def _has_odd_strides(tensor: Tensor) -> bool:
    """Whether a stride is another than of contiguous memory, at a dimension of size 1."""
    step = 1
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.stride()), strict=True):
        if size == 1 and stride != step:
            return True
        step *= size
    return False


#: That of the first input, of the other inputs, and of the cotangents.
_LAYOUTS = (
    (_odd, _odd, _odd_channels_last),
    (_odd_channels_last, _odd_channels_last, _odd),
    (_odd_channels_last, _channels_last, _odd),
    (_channels_last, _odd_channels_last, _channels_last),
)

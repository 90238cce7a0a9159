"""The gradients of segment_reduce, written so that they can be differentiated again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plugrad.core import conj
from plugrad.core.counted import counted
from plugrad.errors import ArgumentError


@dataclass(frozen=True)
class Segments:
    """Which segment each element of a tensor of ``shape`` is in, along ``axis``."""

    axis: int
    #: The number of its segment, for each element; of one that is in none, of any.
    numbers: Tensor
    #: Which elements are in a segment.
    inside: Tensor
    #: How many elements each segment has.
    sizes: Tensor

    def of(self, y: Tensor) -> Tensor:
        """What ``y`` has for the segment, for each element; 0 where there is none."""
        return torch.where(self.inside, y.gather(self.axis, self.numbers), 0.0)

    def reduced(self, values: Tensor, start: int, reduce: str) -> Tensor:
        """Integers, one for each element, to one for each segment."""
        y = values.new_full(self.sizes.shape, start)
        values = torch.where(self.inside, values, start)
        return y.scatter_reduce(self.axis, self.numbers, values, reduce)


def segments(x: Tensor, lengths: Tensor | None, offsets: Tensor | None, axis: int) -> Segments:
    """The segments of ``x`` that ``lengths``, or else ``offsets``, describe."""
    axis = axis % x.dim()
    if lengths is not None:
        sizes = lengths
        first, ends = torch.zeros_like(lengths[..., :1]), lengths.cumsum(-1)
    else:
        assert offsets is not None
        sizes, first, ends = offsets.diff(dim=-1), offsets[..., :1], offsets[..., 1:]
    ends = ends.contiguous().to(torch.int64)
    place = torch.arange(x.size(axis), device=x.device).expand(x.shape[: axis + 1])
    number = torch.searchsorted(ends, place.contiguous(), right=True)
    inside = (place >= first).logical_and(number < ends.size(-1))
    number = number.clamp(max=ends.size(-1) - 1)
    rest = x.shape[axis + 1 :]
    wide = [t.reshape(*t.shape, *(1 for _ in rest)) for t in (number, inside, sizes)]
    wide = [t.expand(*t.shape[: axis + 1], *rest) for t in wide]
    return Segments(axis, *wide)


def refuse_beyond(x: Tensor, lengths: Tensor | None, offsets: Tensor | None, axis: int) -> None:
    """Raise ArgumentError where torch's CPU kernel would read what is not x's: it does not look."""
    given = offsets if lengths is None else lengths
    if type(given) is not Tensor or given.numel() == 0 or x.device.type != "cpu":
        return  # none, or a fake one, of which there are no numbers
    count = x.size(axis) if -x.dim() <= axis < x.dim() else -1  # then torch refuses
    least = given.min() if lengths is not None else torch.cat([given, given.diff(dim=-1)], -1).min()
    most = given.sum(-1).max() if lengths is not None else given.max()
    other = given.shape[:-1] != x.shape[: given.dim() - 1]
    if count >= 0 and (least < 0 or most > count or other):
        raise ArgumentError(
            f"segment_reduce got segments beyond the {counted(count, 'element')} along axis {axis}",
            where=f"a call of segment_reduce, on a tensor of shape {tuple(x.shape)}",
            fix="give lengths that are not negative and add up to no more than that, or offsets "
            "that rise from 0 or above to no more than that; before the last, their dimensions "
            "are those of the tensor before axis",
        )


def gradient(
    gy: Tensor, x: Tensor, y: Tensor, reduce: str, parts: Segments, again: Callable[..., Tensor]
) -> Tensor:
    """The gradient of x; ``again(x)`` is the product of other numbers."""
    if not y.numel():
        return torch.zeros_like(x)
    if reduce == "sum":
        return parts.of(gy)
    if reduce == "mean":
        return parts.of(gy / parts.sizes.clamp(min=1))
    if reduce == "prod":
        return _of_product(gy, x, y, parts, again)
    theirs: Any = y.gather(parts.axis, parts.numbers)
    extreme = (x == theirs).logical_or(x.isnan().logical_and(theirs.isnan()))
    count = parts.reduced(extreme.to(torch.int64), 0, "sum")
    return parts.of(gy / count.clamp(min=1)) * extreme


def _of_product(
    gy: Tensor, x: Tensor, y: Tensor, parts: Segments, again: Callable[..., Tensor]
) -> Tensor:
    zero = x == 0
    gx = parts.of(gy * conj(y)) / conj(x.masked_fill(zero, 1))
    places = torch.arange(x.numel(), device=x.device).reshape(x.shape)
    zero = zero.logical_and(parts.inside)
    while zero.any():  # one zero of each segment after the other: the product without it
        last = parts.reduced(torch.where(zero, places, -1), -1, "amax")
        one = zero.logical_and(last.gather(parts.axis, parts.numbers) == places)
        gx = torch.where(one, parts.of(gy * conj(again(x.masked_fill(one, 1)))), gx)
        zero = zero.logical_and(one.logical_not())
    return gx

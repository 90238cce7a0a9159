"""Cut: a smaller call in the place of a large one, with the same relations between its sizes."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

#: Sizes up to this one are kept.
_SMALL = 8
#: The new sizes are multiples of these, since kernels work in blocks.
_UNITS = (1, 4, 16)


class Cut(NamedTuple):
    """What a call is cut down to: the new size for each old one."""

    sizes: dict[int, int]

    def tensor(self, tensor: Tensor) -> Tensor:
        """Evenly spaced elements, so that what is sorted, positive or positive definite stays so.

        Integers below one of the old sizes may be indices: they become those of the elements
        that are left.
        """
        kept = tensor[
            tuple(
                slice(0, self.new(s) * (s // self.new(s)), s // self.new(s)) if s else slice(None)
                for s in tensor.shape
            )
        ]
        if tensor.dtype in (torch.int64, torch.int32) and tensor.numel():
            return self._indices(kept, int(tensor.min()), int(tensor.max()))
        return kept

    def elements(self, shape: torch.Size) -> int:
        """How many elements are left of a tensor of this shape."""
        return prod(map(self.new, shape))

    def new(self, size: int) -> int:
        """The new size for an old one."""
        return self.sizes.get(size, size)

    def _indices(self, kept: Tensor, least: int, most: int) -> Tensor:
        above = [size for size in self.sizes if size > most]
        if least < 0 or not above:
            return kept
        size = min(above)
        return (kept // (size // self.new(size))).clamp_max(self.new(size) - 1)

    def number(self, value: Any) -> Any:
        """The same for numbers among the other arguments, alone or in lists, that are sizes."""
        if type(value) is int:
            return self.new(value)
        if isinstance(value, torch.Size):
            return torch.Size([self.new(v) for v in value])
        if type(value) in (list, tuple):
            return type(value)(self.number(v) for v in value)
        return value


def cuts(shapes: list[torch.Size]) -> list[Cut]:
    """The ways to cut down a call whose tensors have these shapes, the best first."""
    sizes = sorted({size for shape in shapes for size in shape})
    found = [Cut(_smaller(sizes, unit)) for unit in _UNITS]
    return [cut for i, cut in enumerate(found) if cut not in found[:i]]


def _smaller(sizes: list[int], unit: int) -> dict[int, int]:
    """New sizes, all different, for those that are large."""
    new = {size: size for size in sizes if size <= _SMALL}
    for size in sizes:
        if size in new:
            continue
        related = _related(size, new)
        if related is None:
            related = max(unit * 2, 4)
            while related in new.values():
                related += unit
        new[size] = min(related, size)
    return {size: small for size, small in new.items() if small != size}


def _related(size: int, new: dict[int, int]) -> int | None:
    """What a size becomes that is a product, a multiple or a sum of others that are large."""
    large = [other for other in new if other > _SMALL]
    for other in large:
        if size % other == 0 and (size // other in new or size // other <= 4):
            return new[other] * new.get(size // other, size // other)
    for other in large:
        if size - other in new:
            return new[other] + new[size - other]
        if size - other == 1:
            return new[other] + 1
    return None

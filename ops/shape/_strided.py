"""Views by strides: strided, and where its elements are in the memory of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import NamedTuple

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from plugrad.core.replay import span
from plugrad.errors import ArgumentError


def strided(x: Tensor, size: Sequence[int], stride: Sequence[int], offset: int = 0) -> Tensor:
    """The elements of x's memory at these strides, ``offset`` counted from x's first element.

    A torch function like torch's own ones in Python: on a Variable it is the op strided. Unlike
    as_strided it means the same of another tensor that is laid out as x is.
    """
    if has_torch_function_unary(x):
        found: Tensor = handle_torch_function(strided, (x,), x, size, stride, offset)
        return found
    return x.as_strided(size, stride, x.storage_offset() + offset)


class Layout(NamedTuple):
    """A tensor's memory from its first element on, and views of it by strides."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    contiguous: bool
    device: torch.device
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    @classmethod
    def of(cls, x: Tensor, size: Sequence[int], stride: Sequence[int], offset: int) -> Layout:
        """That of ``strided(x, size, stride, offset)``."""
        own = (tuple(x.shape), x.stride(), x.is_contiguous(), x.device)
        return cls(*own, tuple(map(index, size)), tuple(map(index, stride)), index(offset))

    @property
    def length(self) -> int:
        """The elements of memory from x's first to its last."""
        return span(self.shape, self.strides)

    def own(self) -> Tensor:
        """Where in that memory x's elements are, one after the other."""
        numbers = torch.arange(self.length, device=self.device)
        return numbers.as_strided(self.shape, self.strides).reshape(-1)

    def places(self) -> Tensor:
        """Where the view's are."""
        if 0 in self.size:
            return torch.arange(0, device=self.device)
        numbers = torch.arange(self.length, device=self.device)
        return numbers.as_strided(self.size, self.stride, self.offset).reshape(-1)

    def check(self, op_name: str) -> None:
        """Check that a gradient of the view is one of x.

        Raises:
            ArgumentError: the view has elements that are not x's, or two of x's are one.
        """
        used = span(self.size, self.stride)
        if used and not 0 <= self.offset <= self.length - used:
            raise _refusal(op_name, "it reaches memory that is not the Variable's")
        if self.contiguous:
            return
        counts = torch.zeros(self.length, dtype=torch.int64, device=self.device)
        own = self.own()
        counts.index_add_(0, own, torch.ones_like(own))
        if (counts > 1).any():
            raise _refusal(op_name, "elements of the Variable share memory, as when expanded")
        if (counts[self.places()] == 0).any():
            raise _refusal(op_name, "it reaches memory that is not the Variable's")


def _refusal(op_name: str, why: str) -> ArgumentError:
    return ArgumentError(
        f"{op_name}() of a Variable that requires grad has no gradient here: {why}",
        where=f"a call of {op_name}",
        fix="call it on the Variable that has all of the memory, or on x.clone()",
    )

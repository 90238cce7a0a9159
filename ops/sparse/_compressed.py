"""Sparse tensors of compressed rows or columns, or blocks of them, from their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker
from plugrad.ops.sparse._lookup import looked_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OF_COLUMNS = (torch.sparse_csc, torch.sparse_bsc)
_OF_BLOCKS = (torch.sparse_bsr, torch.sparse_bsc)
_VALUES = "the gradient is that of the values in any case"
#: What the ops declare beside their names.
DECLARED: dict[str, Any] = {
    "promotes": True,
    "linear": True,
    "waives": {"sizes": "torch takes an element in a tensor that has no rows, but it is nowhere"},
    "equivalent": {
        "option-ignored[dtype]": _VALUES,
        "option-ignored[device]": _VALUES,
        "option-ignored[check_invariants]": _VALUES,
    },
}


class FromParts(Function):
    """An op that makes such a tensor; its forward calls ``made``."""

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[None, None, Tensor]:
        """Gvalues = gy, where the indices say."""
        compressed, plain = ctx.saved_tensors
        if gy.layout not in (torch.strided, torch.sparse_coo):
            gy = gy.to_sparse()
        where = _places(compressed.long(), plain.long(), ctx.layout, ctx.values_shape)
        return None, None, looked_up(gy, where).reshape(ctx.values_shape)


def made(ctx: Context, parts: Any, size: Any, layout: torch.layout, **options: Any) -> Tensor:
    """The tensor, and what backward needs of it.

    Args:
        ctx: of the call.
        parts: compressed indices, plain indices and values.
        size: of the tensor; None to infer it.
        layout: one of the four.
        options: torch's.
    """
    values = parts[2].contiguous()  # else torch misreads it
    compressed, plain = (torch.as_tensor(t, device=values.device).contiguous() for t in parts[:2])
    ctx.save_for_backward(compressed, plain)
    ctx.layout, ctx.values_shape = layout, values.shape
    if size is None:
        size = torch.sparse_compressed_tensor(compressed, plain, values, layout=layout).shape
    parts = compressed, plain, values, size
    return torch.sparse_compressed_tensor(*parts, layout=layout, **options)


def reference(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Torch's function, told the size: else it has no gradient."""

    def function(c: Tensor, p: Tensor, values: Tensor, size: Any = None, **options: Any) -> Tensor:
        return make(c, p, values, size or make(c, p, values.detach()).shape, **options)

    return function


def calls(
    make: SampleMaker, size: tuple[int, int], block: tuple[int, ...] = ()
) -> Iterator[Sample]:
    """The samples of these ops: three elements, or blocks, and one call with too few."""
    where = make.tensor([0, 1, 3], torch.int64), make.tensor([1, 0, 2], torch.int64)
    for given in (None, size):
        checked = Sample(*where, make(3, *block), given, check_invariants=True)
        yield checked.waive("second-order", "torch has no second derivative of these tensors")
    yield Sample(*where, make(2, *block), size).raises(RuntimeError, "")


def _places(compressed: Tensor, plain: Tensor, layout: torch.layout, shape: Any) -> Tensor:
    """The index of each element: a row for each dimension, those of a batch first."""
    *batch, count = plain.shape
    lines = compressed.shape[-1] - 1
    line = torch.repeat_interleave(compressed.diff().flatten())
    found = [line % max(lines, 1), plain.flatten()]
    if layout in _OF_COLUMNS:
        found.reverse()
    entry = torch.arange(line.shape[0], device=plain.device)
    if layout in _OF_BLOCKS:
        height, width = shape[len(batch) + 1 : len(batch) + 3]
        inside = torch.arange(height * width, device=plain.device)
        row, column = (at.unsqueeze(1) for at in found)
        found = [
            (row * height + inside // width).flatten(),
            (column * width + inside % width).flatten(),
        ]
        entry = entry.repeat_interleave(height * width)
    return torch.stack([*_batch(entry, batch, count), *found])


def _batch(entry: Tensor, batch: list[int], count: int) -> list[Tensor]:
    """The index of each element in the dimensions of the batch."""
    found: list[Tensor] = []
    number = entry // max(count, 1)
    for extent in reversed(batch):
        found.insert(0, number % extent)
        number = number // extent
    return found

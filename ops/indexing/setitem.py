"""setitem: values put where an index in square brackets points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op
from plugrad.ops.indexing._index import taken_apart


def _reference(x: Tensor, index: Any, y: Any) -> Tensor:
    z = x.clone()
    z[index] = y
    return z


@op("setitem", reference=_reference, broadcasts=True, inplace=("__setitem__",))
class Setitem(Function):
    """z = x with y at [index];  gx = gz with zeros at [index], gy = gz[index].

    In place it is ``x[index] = y``. The index is what ``getitem`` takes; y is cast to x's dtype
    and broadcast to the shape of x[index].
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, index: Any, y: Tensor) -> Tensor:
        ctx.view, tensors = taken_apart(x, index)
        ctx.tensors = bool(tensors)
        ctx.y_shape = getattr(y, "shape", None)
        ctx.save_for_backward(*tensors)
        return _reference(x, index, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        index = ctx.saved_tensors if ctx.tensors else None
        gx = gy = None
        if ctx.needs_input_grad[0]:
            written = torch.zeros(gz.shape, dtype=torch.bool, device=gz.device)
            place = written[ctx.view]
            place[_subscript(index)] = True
            gx = gz.masked_fill(written, 0)
        if ctx.needs_input_grad[2]:
            gy = gz[ctx.view]
            if index is not None:
                gy = torch.ops.aten.index.Tensor(gy, list(index))
            gy = gy.sum_to_size(ctx.y_shape[max(0, len(ctx.y_shape) - gy.dim()) :])
            gy = gy.reshape(ctx.y_shape)
        return gx, None, gy

    @staticmethod
    def overwrite(x: Variable, index: Any, y: Any) -> None:
        """``x[index] = y`` as a change of a view of x, which copies nothing else of x."""
        if not (x.is_floating_point() or x.is_complex()):  # there is nothing to record
            x.data[_raw(index)] = _raw(y)
            return
        view, tensors = taken_apart(x.data, _raw(index))
        whole = tensors and all(isinstance(v, slice) and v == slice(None) for v in view)
        place: Any = x if whole else x[view]
        if not isinstance(y, Tensor | Variable):
            y = torch.as_tensor(y, dtype=x.dtype, device=x.device)
        # Values may have surplus dimensions of size 1 in front, and any dtype.
        if tensors:
            ones = next((i for i, size in enumerate(y.shape) if size != 1), y.dim())
            place.index_put_(tuple(tensors), y[(0,) * ones].to(x.dtype))
        else:
            surplus = max(0, y.dim() - place.dim())
            if any(size != 1 for size in y.shape[:surplus]):
                y.expand(place.shape)  # torch's refusal
            place.copy_(y[(0,) * surplus])

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        rows = make.tensor([2, 0], dtype=torch.int64)
        yield Sample(make(3, 4), 1, make(4))
        yield Sample(make(3, 4), 1, 2.5)
        yield Sample(make(3, 4), (slice(None), 1), make(3))
        yield Sample(make(3, 4), slice(0, 2), make(4))
        yield Sample(make(3, 4), (Ellipsis, slice(None, None, 2)), make(1, 3, 1))
        yield Sample(make(2, 3, 4), (0, slice(1, 3)), make())
        yield Sample(make(4, 2), rows, make(2, 2))
        yield Sample(make(4, 2), (rows, 1), make(2))
        yield Sample(make(2, 3, 4), (slice(None), [0, 2], slice(1, 3)), make(2, 1))
        yield Sample(make(3, 2, 4), (rows, slice(None), [1, 3]), make(2, 2))
        yield Sample(make(3, 4), make.booleans(3, 4), make())
        yield Sample(make(3, 4), make.tensor([True, False, True], dtype=torch.bool), make(2, 4))
        yield Sample(make(3, 4), 1, make(4)).constant(0)
        yield Sample(make(3, 4), 1, make(4)).constant(2)
        yield Sample(make.complex(3), 0, make())
        yield Sample(make.complex(3), slice(0, 2), make.complex(2))
        yield Sample(make(), (), make())
        yield Sample(make(0, 3), slice(None), make(3))
        yield Sample(make.integers(3), 0, 1)


def _raw(index: Any) -> Any:
    """An index with tensors for Variables."""
    if isinstance(index, Variable):
        return index.data
    return type(index)(map(_raw, index)) if type(index) in (list, tuple) else index


def _subscript(tensors: Any) -> Any:
    """Index tensors, with None for whole dimensions, as they are written in brackets."""
    return ... if tensors is None else tuple([slice(None) if t is None else t for t in tensors])

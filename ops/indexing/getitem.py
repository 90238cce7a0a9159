"""getitem: the elements an index in square brackets names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._index import taken_apart
from plugrad.ops.indexing._placed import placed


@op("getitem", methods=("__getitem__",), reference=torch.Tensor.__getitem__, linear=True, view=True)
class Getitem(Function):
    """y = x[index];  gx = zeros with gy added at [index].

    The index is whatever torch takes: integers, slices, None, Ellipsis, booleans,
    integer and boolean tensors, lists, and tuples of these. An element that is named
    twice gets both gradients. A view, unless there is a tensor or list in the index.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, index: Any) -> Tensor:
        y = x[index]
        if ctx.needs_input_grad[0]:
            ctx.x_shape = x.shape
            ctx.view, tensors = taken_apart(x, index)
            ctx.save_for_backward(*tensors)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return placed(gy, ctx.x_shape, ctx.view, *ctx.saved_tensors)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield from _views(make)
        yield from _tensors(make)


def _views(make: SampleMaker) -> Iterator[Sample]:
    yield Sample(make(3, 4), 1)
    yield Sample(make(3, 4), -1)
    yield Sample(make(3, 4), slice(1, 3))
    yield Sample(make(5, 2), slice(-4, None, 2))
    yield Sample(make(3, 4), (1, 2))
    yield Sample(make(3, 4), (slice(None), 1))
    yield Sample(make(2, 3, 4), (Ellipsis, 1))
    yield Sample(make(2, 3, 4), (1, Ellipsis, slice(0, 2)))
    yield Sample(make(3, 4), None)
    yield Sample(make(3, 4), (None, 0, None, slice(1, 2)))
    yield Sample(make(3, 4), Ellipsis)
    yield Sample(make(3, 4), ())
    yield Sample(make(3, 4), slice(2, 1))
    yield Sample(make(3, 4), make.tensor(1, dtype=torch.int64))
    yield Sample(make(3, 4), (slice(None), make.tensor(-1, dtype=torch.int64)))
    yield Sample(make.complex(3, 2), 1)
    yield Sample(make(), ())
    yield Sample(make(), (None, Ellipsis))
    yield Sample(make(0, 3), (slice(None), 1))


def _tensors(make: SampleMaker) -> Iterator[Sample]:
    yield Sample(make(4, 2), make.integers(5, high=4))
    yield Sample(make(4, 2), make.integers(2, 3, low=-4, high=4))
    yield Sample(make(4, 2), [0, 2, 0])
    yield Sample(make(4, 2), range(2))
    yield Sample(make(4, 2), [True, False, True, True])
    yield Sample(make(4, 2), [])
    yield Sample(make(4, 2), ([0, 2, 0], [1, 0, 1]))
    yield Sample(make(4, 2), (make.integers(3, 1, high=4), make.integers(2, high=2)))
    yield Sample(make(2, 3, 4), (slice(None), make.integers(5, high=3)))
    yield Sample(make(2, 3, 4), (make.integers(3, high=2), slice(1, 3), make.integers(3, high=4)))
    yield Sample(make(2, 3, 4), (0, slice(None), make.integers(2, high=4)))
    yield Sample(make(2, 3, 4), (make.integers(2, high=2), None, 1, Ellipsis))
    yield Sample(make(2, 3, 4), (Ellipsis, make.integers(2, 2, high=4), None))
    yield Sample(make(2, 3, 4), (make.tensor(1, dtype=torch.int64), slice(None), [0, 0]))
    yield Sample(make(3, 4), make.booleans(3, 4))
    yield Sample(make(3, 4), make.booleans(3))
    yield Sample(make(2, 3, 4), (slice(None), make.booleans(3, 4)))
    yield Sample(make(2, 3, 2), (Ellipsis, make.booleans(3, 2)))
    yield Sample(make(2, 3, 2), (make.tensor([True, False], dtype=torch.bool), [1, 2, 2]))
    yield Sample(make(2, 3), True)
    yield Sample(make(2, 3), False)
    yield Sample(make(2, 3), (1, True, slice(1, 3)))
    yield Sample(make(2, 3), make.tensor(True, dtype=torch.bool))
    yield Sample(make(2, 3), (Ellipsis, make.tensor(False, dtype=torch.bool)))
    yield Sample(make(), True)
    yield Sample(make(), make.tensor(True, dtype=torch.bool))
    yield Sample(make(4, 2), make.integers(3, high=4).int())
    yield Sample(make.complex(4), [0, 0, 3])
    yield Sample(make(0, 3), make.integers(0))
    yield Sample(make(0, 3), (slice(None), make.integers(2, high=3)))

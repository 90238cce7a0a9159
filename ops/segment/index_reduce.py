"""index_reduce: slices reduced along a dimension, by a vector of indices."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.errors import ArgumentError

_REAL = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
)


@op(
    "index_reduce",
    methods=("index_reduce",),
    overrides=(torch.index_reduce, torch.ops.aten.index_reduce.default),
    inplace=True,
    dtypes=_REAL,
)
class IndexReduce(Composite):
    """z = x with the slices of source that index sends to one place reduced into x's slice there.

    reduce is "prod", "mean", "amax" or "amin"; without include_self what was there does not count.
    It is scatter_reduce with the same index in all of a slice.
    """

    @staticmethod
    def forward(
        x: Tensor,
        dim: int,
        index: Tensor,
        source: Tensor,
        reduce: str,
        *,
        include_self: bool = True,
    ) -> Tensor:
        if reduce not in ("prod", "mean", "amax", "amin"):
            raise ArgumentError(
                f"index_reduce() got reduce={reduce!r}",
                where="a call of index_reduce",
                fix="pass 'prod', 'mean', 'amax' or 'amin'; for a sum call index_add",
            )
        if x.dtype not in _REAL:
            raise ArgumentError(
                f"index_reduce() takes real numbers alone, and got {x.dtype}",
                where="a call of index_reduce",
                fix="cast them, or call index_add or scatter_reduce",
            )
        places = index.reshape(-1)
        if x.dim():
            sizes = [1] * x.dim()
            sizes[dim] = -1
            places = places.reshape(sizes).expand(source.shape)
        return x.scatter_reduce(
            dim, places, source.reshape(places.shape), reduce, include_self=include_self
        )

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        index = make.tensor([2, 0, 2, 2], dtype=torch.int64)
        for reduce in ("prod", "mean", "amax", "amin"):
            source = make.distinct(4, 3) + 0.01
            yield Sample(make.distinct(4, 3), 0, index, source, reduce)
            yield Sample(make.distinct(4, 4), -1, index[:3], source, reduce, include_self=False)
        yield Sample(make(3, 4), dim=0, index=index, source=make(4, 4), reduce="mean")
        yield Sample(make(3), 0, index, make(4), "prod").constant(0)
        yield Sample(make(3), 0, index, make(4), "mean").constant(3)
        yield Sample(make(), 0, make.tensor([0, 0], dtype=torch.int64), make(), "mean").raises(
            RuntimeError
        )
        yield Sample(make(), 0, make.tensor(0, dtype=torch.int64), make(), "mean")
        yield Sample(make(3, 2), 0, make.integers(0), make(0, 2), "amax")
        yield Sample(make.complex(3), 0, index, make.complex(4), "mean", include_self=False).raises(
            ArgumentError, "takes real numbers alone"
        )
        yield Sample(make(3), 0, index, make(4), "sum").raises(ArgumentError, "call index_add")

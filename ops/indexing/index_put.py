"""index_put: values put, or added, at index tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.indexing._put import put


@op(
    "index_put",
    methods=("index_put",),
    overrides=(
        torch.index_put,
        torch.ops.aten.index_put.default,
        torch.ops.aten._unsafe_index_put.default,
    ),
    broadcasts=True,
    inplace=True,
)
class IndexPut(Function):
    """z = x with values y at [indices], or added there;  gx = gz, gy = gz[indices].

    Where y replaces elements of x, their gradient is 0. If several values are put at one
    element it is left open which one stays; as in torch each gets the gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        indices: Sequence[Tensor],
        values: Tensor,
        accumulate: bool = False,
    ) -> Tensor:
        ctx.accumulate = accumulate
        ctx.save_for_backward(*indices)
        return put(x, indices, values, accumulate)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        indices = ctx.saved_tensors
        gx: Tensor | None = gz
        if not ctx.needs_input_grad[0]:
            gx = None
        elif not ctx.accumulate:
            gx = put(gz, indices, gz.new_zeros(()))
        if not ctx.needs_input_grad[2]:
            return gx, None, None
        if any(
            i is not None and i.dtype is torch.bool and i.dim() == 0 for i in indices
        ):  # aten asserts
            return gx, None, gz[tuple(indices)]
        return gx, None, torch.ops.aten.index.Tensor(gz, list(indices))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        rows = make.tensor([2, 0], dtype=torch.int64)
        columns = make.tensor([1, 1], dtype=torch.int64)
        again = make.tensor([1, 0, 1], dtype=torch.int64)
        yield Sample(make(4, 2), (rows,), make(2, 2))
        yield Sample(make(4, 2), [rows, columns], make(2), True)
        yield Sample(make(4, 2), (again,), make(3, 2), accumulate=True)
        yield Sample(make(4, 2), (rows,), make(2))
        yield Sample(make(4, 2), indices=(rows,), values=make(2, 1), accumulate=True)
        yield Sample(make(4, 2), (rows,), make())
        yield Sample(make(3, 2), (make.booleans(3, 2),), make())
        yield Sample(make(3, 2), (make.tensor([True, False, True], dtype=torch.bool),), make(2, 2))
        yield Sample(make(3, 2), (make.tensor(1, dtype=torch.int64),), make(2))
        for chosen in (True, False):
            yield Sample(make(3, 2), (make.tensor(chosen, dtype=torch.bool),), make())
        yield Sample(make.complex(3), (rows,), make.complex(2))
        yield Sample(make(3).long(), (rows,), make.integers(2))
        yield Sample(make(3, 2), (rows,), make(2, 2)).constant(0)
        yield Sample(make(3, 2), (rows,), make(2, 2)).constant(2)
        yield Sample(make(0, 2), (make.integers(0),), make(0, 2))

"""matmul: the matrix product, of vectors, matrices and batches of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._batches import (
    batch_by_matrix,
    left_of_batches,
    matrix_by_batch,
    right_of_batches,
)
from plugrad.ops.linalg._product import column_major, left_gradient, right_gradient


@op(
    "matmul",
    methods=("matmul", "__matmul__", "__rmatmul__"),
    overrides=(
        torch.matmul,
        torch.linalg.matmul,
        torch.ops.aten.matmul.default,
        torch.ops.aten.linalg_matmul.default,
    ),
    aliases={"tensor2": "y"},
    broadcasts=True,
)
class Matmul(Function):
    """z = x y;  gx = gz y^H, gy = x^H gz.

    A vector on the left is a row, on the right a column, and that dimension is dropped
    from z; all but the last two dimensions are a batch and broadcast.
    """

    ctx_defaults: ClassVar = {"dims": (2, 2), "x_columns": False, "y_columns": False}

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        need_gx, need_gy = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, y if need_gx else None)
        x_dim, y_dim = _dim(x), _dim(y)
        if x_dim != 2 or y_dim != 2:
            ctx.dims = x_dim, y_dim
            if y_dim <= 2 < x_dim and need_gy:
                return batch_by_matrix(x, y)
            if x_dim <= 2 < y_dim and need_gx:
                return matrix_by_batch(x, y)
            return torch.matmul(x, y)
        if need_gx and column_major(x):
            ctx.x_columns = True
        if need_gy and column_major(y):
            ctx.y_columns = True
        return torch.matmul(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        dims = ctx.dims
        # Not what was saved says it: plugrad.grad may want only one of them.
        need_gx, need_gy = ctx.needs_input_grad
        if dims != (2, 2):
            gx = left_of_batches(gz, y, dims[0]) if need_gx else None
            gy = right_of_batches(gz, x, dims[1]) if need_gy else None
            return gx, gy
        gx = left_gradient(gz, y, ctx.x_columns) if need_gx else None
        gy = right_gradient(gz, x, ctx.y_columns) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        shapes: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((3,), (3, 2)),
            ((2, 3), (3, 4)),
            ((2, 2, 3), (3,)),
            ((3,), (2, 3, 2)),
            ((2, 2, 3), (3, 2)),
            ((2, 3), (2, 3, 2)),
            ((2, 2, 3), (2, 3, 2)),
            ((2, 1, 2, 3), (3, 3, 1)),
            ((1, 2, 3), (2, 3, 2)),
        )
        for x_shape, y_shape in shapes:
            yield Sample(make(*x_shape), make(*y_shape))
            yield Sample(make.complex(*x_shape), make.complex(*y_shape))
            if max(len(x_shape), len(y_shape)) > 2:
                # Which of them needs a gradient decides how a batch is multiplied.
                yield Sample(make(*x_shape), make(*y_shape)).constant(1)
                yield Sample(make(*x_shape), make(*y_shape)).constant(0)
        yield Sample(make(2, 3), other=make(3, 2))
        yield Sample(make(3, 2).mT, make(4, 3).mT)
        for x_shape, y_shape in (
            ((0,), (0,)),
            ((2, 0), (0, 3)),
            ((0, 3), (3, 2)),
            ((2, 0, 3), (3, 2)),
            ((2, 3, 0), (0,)),
            ((0, 2, 3), (3, 2)),
            ((2, 3), (0, 3, 2)),
            ((3,), (2, 3, 0)),
        ):
            yield Sample(make(*x_shape), make(*y_shape))
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([-3.0, 0.0]))


_dim = Tensor.dim  # unlike x.dim(), a TypeError for a number, as Python's @ wants

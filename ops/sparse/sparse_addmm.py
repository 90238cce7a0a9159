"""sparse_addmm: a sparse matrix times a dense one, added to another."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number
from plugrad.ops.sparse._elements import elements, left_gradient, like, places, product

_KERNEL = torch.ops.aten._sparse_addmm.default


@op("sparse_addmm", overrides=(_KERNEL,), broadcasts=True)
class SparseAddmm(Function):
    """z = beta x + alpha mat1 mat2, mat1 sparse, x broadcast to the product's shape.

    gx = conj(beta) gz, gmat2 = conj(alpha) mat1^H gz, and gmat1 = conj(alpha) gz mat2^H where mat1
    has elements: a sparse matrix as mat1 is. With beta = 0, x is not looked at.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        mat1: Tensor,
        mat2: Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Tensor:
        ctx.save_for_backward(mat1, mat2 if ctx.needs_input_grad[1] else None)
        ctx.beta, ctx.alpha = number(beta), number(alpha)
        return _KERNEL(x, mat1, mat2, beta=beta, alpha=alpha)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        mat1, mat2 = ctx.saved_tensors
        need_gx, need_g1, need_g2 = ctx.needs_input_grad
        rows, columns = places(mat1)
        scaled = gz * ctx.alpha.conjugate()
        g1 = g2 = None
        if need_g1:
            g1 = like(left_gradient(scaled, rows, columns, mat2), mat1)
        if need_g2:
            g2 = product(conj(elements(mat1)), columns, rows, scaled, mat1.shape[1])
        return gz * ctx.beta.conjugate() if need_gx else None, g1, g2

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        sparse = make.tensor([[0.0, 2.0, 1.0], [-1.0, 0.0, 0.0]]).to_sparse()
        yield Sample(make(2, 2), sparse, make(3, 2))
        yield Sample(make(2, 1), sparse, make(3, 2), beta=0.5, alpha=-2)
        for constant in (0, 2):
            yield Sample(make(2, 2), sparse, make(3, 2), alpha=3).constant(constant)
        other = make.complex(2, 3).to_sparse()
        scaled = Sample(make.complex(2, 1), other, make.complex(3, 1), beta=1j, alpha=2 - 1j)
        scaled = scaled.without_oracle("it does not conjugate beta")
        yield scaled.waive("batched-cotangents", "torch makes no batch of sparse tensors")
        yield Sample(make(2, 2), sparse, make.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 3.0]]))
        yield Sample(make(2, 2), sparse, make(2, 2)).raises(RuntimeError, "size")

"""sparse_sampled_addmm: the elements of a product of matrices that a sparse matrix has."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.errors import ArgumentError
from plugrad.ops._number import number
from plugrad.ops.sparse._elements import at, places, product

_KERNEL = torch.ops.aten.sparse_sampled_addmm.default
_STRIDES = "torch's CSR tensors have no strides, and so no batches under vmap"
_NONE = "torch has no second derivative of CSR tensors"


@op("sparse_sampled_addmm", overrides=(_KERNEL, torch.sparse.sampled_addmm))
class SparseSampledAddmm(Function):
    """y = beta x + alpha mat1 mat2, where x (CSR) has elements.

    gx = conj(beta) gy, also where x has no elements, as in torch. With g the elements of gy where
    it has, gmat1 = conj(alpha) g mat2^H and gmat2 = conj(alpha) mat1^H g.
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
        if x.dim() != 2 or mat1.dim() != 2:
            raise ArgumentError(
                f"the gradient of a batch of products, of shape {tuple(mat1.shape)}, is not known",
                where="a call of sparse_sampled_addmm",
                fix="call it for each matrix",
            )
        _, need_g1, need_g2 = ctx.needs_input_grad
        ctx.save_for_backward(x, mat1 if need_g2 else None, mat2 if need_g1 else None)
        ctx.beta, ctx.alpha = number(beta), number(alpha)
        return _KERNEL(x, mat1, mat2, beta=beta, alpha=alpha)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        x, mat1, mat2 = ctx.saved_tensors
        rows, columns = places(x)
        g = at(gy, x)
        gx = gy * ctx.beta.conjugate() if ctx.needs_input_grad[0] else None
        g = g * ctx.alpha.conjugate()
        g1 = g2 = None
        if mat2 is not None:
            g1 = product(g, rows, columns, conj(mat2).mT, x.shape[0])
        if mat1 is not None:
            g2 = product(g, columns, rows, conj(mat1), x.shape[1]).mT
        return gx, g1, g2

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        sparse = make.tensor([[0.0, 2.0, 1.0], [-1.0, 0.0, 0.0]]).to_sparse_csr()
        yield Sample(sparse, make(2, 2), make(2, 3)).waive("second-order", _NONE)
        zeros = (
            make.tensor([[0.0, 1.0], [2.0, 0.0]]),
            make.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]]),
        )
        yield Sample(sparse, *zeros).waive("second-order", _NONE)
        scaled = Sample(sparse, make(2, 2), make(2, 3), beta=0.5, alpha=-2)
        yield scaled.waive("second-order", _NONE)
        for constant in (1, 2):
            part = Sample(sparse, make(2, 2), make(2, 3), alpha=3).constant(constant)
            yield part.waive("second-order", _NONE)
        complex_ = make.complex(2, 3).to_sparse_csr()
        other = Sample(complex_, make.complex(2, 1), make.complex(1, 3), beta=1j, alpha=2 - 1j)
        other = other.waive("zero-cotangent", _STRIDES)
        yield other.waive("batched-cotangents", _STRIDES)
        yield Sample(sparse, make(2, 2), make(2, 2)).raises(RuntimeError, "shape")
        batch = Sample(sparse, make(2, 2, 2), make(2, 2, 3)).constant(0)
        yield batch.raises(ArgumentError, "batch")

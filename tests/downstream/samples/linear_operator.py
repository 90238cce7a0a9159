"""Samples of linear_operator: products and solves with a matrix that is given as an operator.

The matrix is R R^T + diag(d): any R and any positive d give a symmetric, positive definite one, so
that the laws may move both freely. Where the rule takes one dense matrix, that is what it gets.
"""

from __future__ import annotations

import torch
from linear_operator import settings
from linear_operator.operators import (
    AddedDiagLinearOperator,
    DenseLinearOperator,
    DiagLinearOperator,
    LinearOperator,
    RootLinearOperator,
)
from torch import Tensor

from plugrad import Sample, SampleMaker

# What an iteration leaves is not what is looked at here.
settings.cg_tolerance._set_value(1e-12)
settings.minres_tolerance._set_value(1e-12)
settings.num_contour_quadrature._set_value(40)


def operator(make: SampleMaker, *batch: int, size: int = 3) -> LinearOperator:
    """R R^T + diag(d)."""
    root = make(*batch, size, 2)
    diagonal = make(*batch, size, low=1.0, high=3.0)
    return AddedDiagLinearOperator(RootLinearOperator(root), DiagLinearOperator(diagonal))


def dense(make: SampleMaker, *batch: int, size: int = 3) -> LinearOperator:
    """A symmetric matrix whose eigenvalues are well apart."""
    values = torch.arange(1, size + 1, dtype=torch.float64) ** 2
    turn = torch.linalg.qr(make(*batch, size, size)).Q
    return DenseLinearOperator(turn @ torch.diag(values).to(turn) @ turn.mT)


def _call(matrix: LinearOperator, *before: object) -> Sample:
    return Sample(matrix.representation_tree(), *before, *matrix.representation())


def matmul(make: SampleMaker) -> list[Sample]:
    """(tree, rhs, *matrix): a matrix, a vector, a batch, a batch that broadcasts, a dense one."""
    return [
        _call(operator(make), make(3, 2)),
        _call(operator(make), make(3)),
        _call(operator(make, 2), make(2, 3, 4)),
        _call(operator(make, 2), make(3, 4)),
        _call(DenseLinearOperator(make(4, 3)), make(3, 2)),
    ]


def solve(make: SampleMaker) -> list[Sample]:
    """(tree, has_left, [left,] right, *matrix)."""
    return [
        _call(operator(make), False, make(3, 2)),
        _call(operator(make), False, make(3)),
        _call(operator(make, 2), False, make(2, 3, 4)),
        _call(operator(make), True, make(2, 3), make(3, 4)),
    ]


def inv_quad(make: SampleMaker) -> list[Sample]:
    """(tree, rhs, *matrix)."""
    return [
        _call(operator(make), make(3, 2)),
        _call(operator(make), make(3)),
        _call(operator(make, 2), make(2, 3, 4)),
    ]


def inv_quad_logdet(make: SampleMaker) -> list[Sample]:
    """(tree, precond_tree, preconditioner, num_precond_args, inv_quad, probes, norms, *args).

    The probes are the unit vectors, times the root of n: with them nothing is estimated.
    """

    def sample(size: int, *right: Tensor) -> Sample:
        matrix = operator(make, size=size)
        identity = DiagLinearOperator(torch.ones(size, dtype=torch.float64))
        probes = torch.eye(size, dtype=torch.float64)
        norms = torch.full((1, size), size**0.5, dtype=torch.float64)
        tree = identity.representation_tree()
        before = (tree, None, 1, bool(right), probes, norms)
        args = (matrix.representation_tree(), *before, *right, *matrix.representation())
        last = len(args)
        return Sample(*args, *identity.representation()).constant(5, 6, last)

    return [sample(3, make(3, 2)), sample(4, make(4)), sample(3)]


def pivoted_cholesky(make: SampleMaker) -> list[Sample]:
    """(tree, max_iter, error_tol, *matrix): of low rank, and complete."""
    return [
        _call(operator(make), 2, 1e-8),
        _call(operator(make), 3, 1e-8),
        _call(operator(make, 2), 2, 1e-8),
    ]


def sqrt_inv_matmul(make: SampleMaker) -> list[Sample]:
    """(tree, rhs, lhs, *matrix)."""
    return [
        _call(operator(make), make(3, 2), None),
        _call(operator(make), make(3, 2), make(2, 3)),
    ]


def diagonalization(make: SampleMaker) -> list[Sample]:
    """(tree, device, dtype, matrix_shape, max_iter, batch_shape, *matrix)."""
    return [
        _call(dense(make, size=3), torch.device("cpu"), torch.float64, (3, 3), 3, torch.Size()),
        _call(dense(make, size=4), torch.device("cpu"), torch.float64, (4, 4), 4, torch.Size()),
    ]


def root_decomposition(make: SampleMaker) -> list[Sample]:
    """(tree, max_iter, dtype, device, batch_shape, shape, root, inverse, start, *matrix)."""

    def sample(size: int, root: bool, inverse: bool) -> Sample:
        matrix = operator(make, size=size)
        start = torch.ones(size, 1, dtype=torch.float64)
        shape = torch.Size((size, size))
        cpu, none = torch.device("cpu"), torch.Size()
        args = (size, torch.float64, cpu, none, shape, root, inverse, start)
        return _call(matrix, *args).constant(8)

    return [sample(3, True, False), sample(4, True, True)]


def sparse_product(make: SampleMaker) -> list[Sample]:
    """(sparse, dense): a matrix, and a batch of right hand sides."""
    matrix = (make(4, 3) * make.booleans(4, 3)).to_sparse()
    return [Sample(matrix, make(3, 2)).constant(0), Sample(matrix, make(2, 3, 2)).constant(0)]


def sparse_product_reference(sparse: Tensor, dense_: Tensor) -> Tensor:
    """The same without the sparse layout."""
    return sparse.to_dense() @ dense_


def plain(*parts: Tensor) -> Tensor:
    """The matrix itself, of what an operator's tree is called with."""
    if len(parts) == 1:
        return parts[0]
    root, diagonal = parts
    return root @ root.mT + torch.diag_embed(diagonal)


def matmul_reference(_: object, right: Tensor, *parts: Tensor) -> Tensor:
    """A R."""
    return plain(*parts) @ right


def solve_reference(_: object, has_left: bool, *args: Tensor) -> Tensor:
    """L A^-1 R, or without L."""
    left, right = (args[0], args[1]) if has_left else (None, args[0])
    matrix = plain(*args[1 + has_left :])
    vector = right.ndim == 1
    solved = torch.linalg.solve(matrix, right.unsqueeze(-1) if vector else right)
    solved = solved.squeeze(-1) if vector else solved
    return left @ solved if has_left else solved


def inv_quad_reference(_: object, right: Tensor, *parts: Tensor) -> Tensor:
    """The diagonal of R^T A^-1 R."""
    right = right.unsqueeze(-1) if right.ndim == 1 else right
    return (right * torch.linalg.solve(plain(*parts), right)).sum(-2)


def inv_quad_logdet_reference(
    _tree: object, _precond: object, _: object, __: int, has_right: bool, *args: Tensor
) -> tuple[Tensor, Tensor]:
    """The diagonal of R^T A^-1 R, and log |A|; the last argument, the preconditioner, is 1."""
    parts = args[2 + has_right : -1]
    logdet = torch.logdet(plain(*parts))
    right = inv_quad_reference(None, args[2], *parts) if has_right else logdet * 0
    return right, logdet


def sqrt_inv_matmul_reference(
    _: object, right: Tensor, left: Tensor | None, *parts: Tensor
) -> tuple[Tensor, Tensor]:
    """A^-1/2 R; or L A^-1/2 R and the diagonal of L A^-1 L^T."""
    values, vectors = torch.linalg.eigh(plain(*parts))
    inverse = vectors @ torch.diag_embed(values.rsqrt()) @ vectors.mT
    if left is None:
        return inverse @ right, (right * 0).sum()
    return left @ inverse @ right, ((left @ inverse) ** 2).sum(-1)


_ROOT = (
    "a root is not unique: the gradients are right for functions of R R^T (or of its inverse), "
    "which is all that the package computes from a root"
)
_EIGEN = (
    "the gradient is that of a symmetric matrix, and eigenvectors have no sign: it is right for "
    "functions that do not see the sign"
)

_MODULE = "linear_operator.functions"
# No domain says that two inputs are parts of one matrix.
_ONE_MATRIX = {"dimensions": "cut or stacked, R and d are no longer those of one matrix"}

SAMPLES = {
    f"{_MODULE}._diagonalization:Diagonalization": {
        "samples": diagonalization,
        "surrogate": _EIGEN,
        "random": True,
    },
    f"{_MODULE}._dsmm:DSMM": {
        "samples": sparse_product,
        "reference": sparse_product_reference,
    },
    f"{_MODULE}._inv_quad:InvQuad": {
        "samples": inv_quad,
        "reference": inv_quad_reference,
        "waives": _ONE_MATRIX,
    },
    f"{_MODULE}._inv_quad_logdet:InvQuadLogdet": {
        "samples": inv_quad_logdet,
        "reference": inv_quad_logdet_reference,
        "waives": {**_ONE_MATRIX, "sizes": "of no size there is no determinant: forward refuses"},
    },
    f"{_MODULE}._matmul:Matmul": {"samples": matmul, "reference": matmul_reference},
    f"{_MODULE}._pivoted_cholesky:PivotedCholesky": pivoted_cholesky,
    f"{_MODULE}._root_decomposition:RootDecomposition": {
        "samples": root_decomposition,
        "surrogate": _ROOT,
    },
    f"{_MODULE}._solve:Solve": {
        "samples": solve,
        "reference": solve_reference,
        "waives": _ONE_MATRIX,
    },
    f"{_MODULE}._sqrt_inv_matmul:SqrtInvMatmul": {
        "samples": sqrt_inv_matmul,
        "reference": sqrt_inv_matmul_reference,
        "waives": _ONE_MATRIX,
    },
}

NOT_REACHED: dict[str, str] = {}

#: Compiling these takes as long as all other laws together.
NOT_COMPILED = frozenset(
    {
        f"{_MODULE}._inv_quad_logdet:InvQuadLogdet",
        f"{_MODULE}._pivoted_cholesky:PivotedCholesky",
        f"{_MODULE}._sqrt_inv_matmul:SqrtInvMatmul",
    }
)

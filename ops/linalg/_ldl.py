"""What the pivots of an LDL factorization say, and the derivatives of the two ops that have one.

LAPACK's sytrf and hetrf, lower: x = P L D L^H P^T, L unit lower, D of blocks of 1 or 2 rows. Step
by step rows are exchanged and columns of L made, which keep the order of rows of their own step.
A pivot p > 0 says that rows k and p - 1 were; two equal ones < 0 are of a block of 2, of which
the second row was.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from plugrad.core import conj
from plugrad.ops._strides import with_canonical_batches, with_canonical_strides


class Order(NamedTuple):
    """Where the rows of the factors are.

    ``rows`` are P^T's: x[rows][:, rows] = L D L^H. ``places[i, j]`` is the row of the packed matrix
    that has L[i, j], ``back`` the inverse; ``pairs[i, j]`` is whether i, j is the element below
    the diagonal of a block of 2, and ``strict`` whether it is one of L. ``final`` is whether a
    column is of the last block, beside which L has nothing.
    """

    rows: Tensor
    places: Tensor
    back: Tensor
    pairs: Tensor
    strict: Tensor
    final: Tensor


def order(pivots: Tensor) -> Order:
    """The order of rows of a factorization with these pivots, also in batches."""
    size = pivots.shape[-1]
    device = pivots.device
    negative = pivots < 0
    first = negative & (negative.cumsum(-1) % 2 == 1)
    index = torch.arange(size, device=device)
    target = torch.where(first, index, pivots.abs().long() - 1)
    last = index + first.long()  # the end of each column's block
    rows = index.expand(pivots.shape).contiguous()
    places = index.unsqueeze(-1).expand(*pivots.shape, size).contiguous()
    for k in range(size):
        swap = index.expand(pivots.shape).clone()
        swap[..., k] = target[..., k]
        swap.scatter_(-1, target[..., k : k + 1], k)
        rows = rows.gather(-1, swap)
        moved = places.gather(-2, swap.unsqueeze(-1).expand_as(places))
        places = torch.where((last < k).unsqueeze(-2), moved, places)
    below = torch.diag_embed(first[..., :-1], -1) if size else first.unsqueeze(-1)
    strict = (index.unsqueeze(-1) > index) & ~below
    return Order(rows, places, places.argsort(-2), below, strict, last == size - 1)


def factors(packed: Tensor, o: Order, hermitian: bool) -> tuple[Tensor, Tensor]:
    """L and D."""
    lower = torch.where(o.strict, packed.gather(-2, o.places), 0.0)
    lower = lower + torch.eye(packed.shape[-1], dtype=packed.dtype, device=packed.device)
    diagonal = packed.diagonal(0, -2, -1)
    if hermitian and packed.is_complex():
        diagonal = diagonal.real.to(packed.dtype)
    beside = torch.where(o.pairs, packed, 0.0)
    return lower, diagonal.diag_embed() + beside + adjoint(beside, hermitian)


def adjoint(x: Tensor, hermitian: bool) -> Tensor:
    """The transpose, conjugated if ``hermitian``."""
    return x.mH if hermitian else x.mT


def permuted(x: Tensor, rows: Tensor) -> Tensor:
    """x[rows][:, rows]."""
    x = x.gather(-2, rows.unsqueeze(-1).expand_as(x))
    return x.gather(-1, rows.unsqueeze(-2).expand_as(x))


def of_matrix(g: Tensor, packed: Tensor, pivots: Tensor, hermitian: bool) -> Tensor:
    """The gradient of x from that of the packed factors.

    With K = L^-1 dL and M = L^-1 dx L^-H, M = K D + dD + D K^H: K D is M's blocks below the
    diagonal, dD those on it. So gM is L^H gL D^-H below and gD on it, gx = L^-H gM L^-1.
    """
    o = order(pivots)
    lower, d = factors(packed, o, hermitian)
    g_lower = torch.where(o.strict, g.gather(-2, o.places), 0.0)
    eye = torch.eye(g.shape[-1], dtype=torch.bool, device=g.device)
    divisor = torch.where(o.final.unsqueeze(-1) | o.final.unsqueeze(-2), eye.to(d.dtype), d.mH)
    inner = torch.linalg.solve(divisor, lower.mH @ g_lower, left=False)
    inner = torch.where(o.strict, inner, torch.where(eye | o.pairs, g, 0.0))
    solved = torch.linalg.solve_triangular
    inner = solved(lower.mH, inner, upper=True, unitriangular=True)
    right = lower if hermitian else conj(lower)
    gx = solved(right, inner, upper=False, left=False, unitriangular=True)
    gx = permuted(gx, o.rows.argsort(-1))
    return (gx + adjoint(gx, hermitian)) / 2


def of_factors(gx: Tensor, packed: Tensor, pivots: Tensor, hermitian: bool) -> Tensor:
    """The gradient of the packed factors from that of the matrix x that they are of.

    gL = (gx + gx^H) L D, gD = L^H gx L; without ``hermitian`` of dx = dL D L^T + ..., so with
    conjugates of the right factors.
    """
    o = order(pivots)
    lower, d = factors(packed, o, hermitian)
    gx = permuted(gx, o.rows)
    right = lower if hermitian else conj(lower)
    g_lower = (gx + adjoint(gx, hermitian)) @ right @ (d if hermitian else conj(d))
    g_d = lower.mH @ gx @ right
    g_diagonal = g_d.diagonal(0, -2, -1)
    if hermitian and g_d.is_complex():
        g_diagonal = g_diagonal.real.to(g_d.dtype)
    g_lower = torch.where(o.strict, g_lower, 0.0).gather(-2, o.back)
    beside = torch.where(o.pairs, g_d + adjoint(g_d, hermitian), 0.0)
    return g_lower + g_diagonal.diag_embed() + beside


def with_real_diagonal(x: Tensor, hermitian: bool) -> Tensor:
    """A Hermitian x as it is meant: in blocks of 2 LAPACK would read an imaginary part."""
    if not (hermitian and x.is_complex()):
        return x
    return x - (1j * x.diagonal(0, -2, -1).imag).diag_embed()


def solved(x: Tensor, pivots: Tensor, y: Tensor, *, hermitian: bool = False) -> Tensor:
    """The solution; what broadcasts is expanded, since torch's kernel reads beyond the pivots.

    It steps by the stride of a batch dimension also if its size is 1.
    """
    if min(x.dim(), y.dim()) >= 2 and pivots.shape == x.shape[:-1]:
        batch = torch.broadcast_shapes(x.shape[:-2], y.shape[:-2])  # type: ignore[no-untyped-call]
        x = x.expand(*batch, *x.shape[-2:])
        pivots = pivots.expand(*batch, pivots.shape[-1]).contiguous()
    x, pivots = with_canonical_batches(x), with_canonical_strides(pivots, images=False)
    return torch.linalg.ldl_solve(x, pivots, y, hermitian=hermitian)

"""Factorizations that torch does not differentiate: against finite differences and composites."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import ArgumentError


def numbers(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def symmetric(size, hermitian, dtype, seed=0):
    x = numbers(size, size, seed=seed, dtype=dtype)
    return x + (x.mH if hermitian else x.mT)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("hermitian", [True, False])
@pytest.mark.parametrize("size", [5, 8])
def test_solving_by_ldl_has_the_gradients_of_the_solution(dtype, hermitian, size):
    x, y = symmetric(size, hermitian, dtype), numbers(size, 2, seed=1, dtype=dtype)

    def symmetrized(a):
        return (a + (a.mH if hermitian else a.mT)) / 2

    def by_ldl(a, b):
        factors = torch.linalg.ldl_factor(symmetrized(a), hermitian=hermitian)
        return torch.linalg.ldl_solve(*factors, b, hermitian=hermitian)

    def directly(a, b):
        return torch.linalg.solve(symmetrized(a), b)

    orders = []
    for solve, leaf, grad in (
        (by_ldl, lambda t: pg.Variable(t, requires_grad=True), pg.grad),
        (directly, lambda t: t.clone().requires_grad_(), torch.autograd.grad),
    ):
        a, b = leaf(x), leaf(y)
        first = grad(abs(solve(a, b)).square().sum(), (a, b), create_graph=True)
        second = grad(sum(abs(g).square().sum() for g in first), (a, b))
        orders.append([*first, *second])
    for got, expected in zip(*orders, strict=True):
        expected = expected.detach()
        scale = float(expected.abs().max())
        torch.testing.assert_close(got.detach().data, expected, rtol=1e-7, atol=1e-7 * scale)


def test_ldl_solve_broadcasts():
    x = torch.stack([symmetric(3, False, torch.float64, seed) for seed in range(2)]).unsqueeze(1)
    factors, pivots = torch.linalg.ldl_factor(x)
    y = pg.Variable(numbers(2, 3, 2), requires_grad=True)
    leaf = pg.Variable(factors, requires_grad=True)
    z = torch.linalg.ldl_solve(leaf, pivots, y)
    torch.testing.assert_close(x @ z.data, y.data.expand(2, 2, 3, 2))
    cotangent = numbers(*z.shape, seed=2)
    g_leaf, g_y = pg.grad(z, (leaf, y), cotangent)
    g_z = torch.linalg.solve(x, cotangent)
    torch.testing.assert_close(g_y.data, g_z.sum(0))
    assert g_leaf.shape == factors.shape


@pytest.mark.parametrize("pivots", [[0, 1], [-1, 2], [-2, -1], [3, 1]])
def test_pivots_that_are_none_are_refused(pivots):
    x = pg.Variable(torch.eye(2), requires_grad=True)
    with pytest.raises((ArgumentError, RuntimeError), match=r"[Pp]ivots"):
        torch.linalg.ldl_solve(x, torch.tensor(pivots, dtype=torch.int32), torch.ones(2, 1))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("shape", [(5, 5), (5, 3), (3, 5)])
def test_the_gradient_of_geqrf_is_that_of_what_it_is_made_of(dtype, shape):
    x = pg.Variable(numbers(*shape, dtype=dtype), requires_grad=True)
    y, tau = torch.geqrf(x)
    k = min(shape)
    product = torch.linalg.householder_product(y[:, :k], tau) @ y[:k].triu()
    cotangent = numbers(*shape, seed=3, dtype=dtype)
    (gx,) = pg.grad(product, x, cotangent)  # the product is x
    torch.testing.assert_close(gx.data, cotangent)

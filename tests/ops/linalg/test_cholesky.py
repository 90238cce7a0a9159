"""What is computed from complex Cholesky factors."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


def factor(n, upper, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, n, generator=generator, dtype=torch.complex128)
    real = x.diagonal().real.abs().to(x.dtype) + 1
    return x - x.diagonal().diag_embed() + real.diag_embed()  # the other triangle stays


def product(x, upper):
    x = x.triu() if upper else x.tril()
    return x.mH @ x if upper else x @ x.mH


def real_diagonal(g):
    return g - 1j * g.diagonal().imag.diag_embed()


@pytest.mark.parametrize("upper", [False, True])
def test_complex_factors(upper):
    x, y = factor(3, upper), factor(3, upper, seed=1)
    for ours, plain in (
        (lambda x: torch.cholesky_inverse(x, upper), lambda x: product(x, upper).inverse()),
        (
            lambda x: torch.cholesky_solve(y, x, upper),
            lambda x: torch.linalg.solve(product(x, upper), y),
        ),
    ):
        mine, theirs = pg.Variable(x, requires_grad=True), x.clone().requires_grad_()
        (ours(mine).abs() ** 2).sum().backward()
        (plain(theirs).abs() ** 2).sum().backward()
        torch.testing.assert_close(real_diagonal(mine.grad.data), real_diagonal(theirs.grad))


@pytest.mark.parametrize("upper", [False, True])
def test_the_triangle_that_is_not_read_has_no_gradient(upper):
    x, y = factor(3, upper).real, factor(3, upper, seed=1).real
    unread = torch.ones_like(x).tril(-1) if upper else torch.ones_like(x).triu(1)
    for function in (
        lambda x: torch.cholesky_inverse(x, upper),
        lambda x: torch.cholesky_solve(y, x, upper),
    ):
        torch.testing.assert_close(function(x + 7 * unread), function(x), rtol=0, atol=0)
        leaf = pg.Variable(x, requires_grad=True)
        (mine,) = pg.grad(function(leaf).sum(), leaf)
        steps = 1e-6 * torch.eye(9, dtype=x.dtype).view(9, 3, 3)
        moved = [(function(x + s).sum() - function(x - s).sum()) / 2e-6 for s in steps]
        differences = torch.stack(moved).view(3, 3)
        torch.testing.assert_close(mine.data, differences, rtol=1e-6, atol=1e-6)
        leaf = x.clone().requires_grad_()
        (theirs,) = torch.autograd.grad(function(leaf).sum(), leaf)
        # torch's is wrong in both triangles: it multiplies by all of x.
        assert not torch.allclose(theirs * unread, differences * unread, atol=1e-2)
        assert not torch.allclose(theirs * (1 - unread), differences * (1 - unread), atol=1e-2)

"""Householder reflections: factors and vectors where torch's gradient has no digits left."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


def numbers(*shape, seed=0, dtype=torch.complex128):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def one_by_one(x, tau):
    """H[0] H[1] ... in plain products."""
    q = torch.eye(x.shape[0], dtype=x.dtype)
    for i in range(tau.shape[0]):
        v = torch.cat((torch.zeros(i), torch.ones(1))).to(x.dtype)
        v = torch.cat((v, x[i + 1 :, i])).unsqueeze(-1)
        q = q - tau[i] * (q @ v) @ v.mH
    return q


def same(ours, plain, *leaves):
    mine = [pg.Variable(t, requires_grad=True) for t in leaves]
    theirs = [t.clone().requires_grad_() for t in leaves]
    y, expected = ours(*mine), plain(*theirs)
    cotangent = numbers(*expected.shape, seed=9, dtype=expected.dtype)
    got = pg.grad(y, mine, pg.Variable(cotangent))
    wanted = torch.autograd.grad(expected, theirs, cotangent)
    for g, e in zip(got, wanted, strict=True):
        torch.testing.assert_close(g.data, e, rtol=1e-9, atol=1e-9 * e.abs().max().item())


@pytest.mark.parametrize("scale", [1.0, 1e3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_householder_product(scale, dtype):
    x, tau = numbers(4, 3, dtype=dtype) * scale, numbers(3, seed=1, dtype=dtype) * scale
    product = torch.linalg.householder_product
    same(product, lambda x, tau: one_by_one(x, tau)[:, :3], x, tau)


def test_reflections_without_inverse():
    x, tau = torch.zeros(3, 2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    product = torch.linalg.householder_product
    same(product, lambda x, tau: one_by_one(x, tau)[:, :2], x, tau)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_ormqr(left, transpose, scale):
    x, tau = numbers(4, 3) * scale, numbers(3, seed=1) * scale
    y = numbers(4, 2, seed=2) if left else numbers(2, 4, seed=2)

    def plain(x, tau, y):
        q = one_by_one(x, tau)
        q = q.mH if transpose else q
        return q @ y if left else y @ q

    same(lambda x, tau, y: torch.ormqr(x, tau, y, left, transpose), plain, x, tau, y)

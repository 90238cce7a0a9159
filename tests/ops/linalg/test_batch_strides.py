"""Factors whose batch dimension of size 1 has an odd stride: torch solves with other numbers."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("adjoint", [True, False])
def test_lu_solve(left, adjoint):
    a, y = numbers(3, 2, 2) + 2 * torch.eye(2), numbers(3, 1, 2, 2, seed=1)
    lu, pivots = torch.linalg.lu_factor(a)
    assert lu.unsqueeze(1).stride() == (4, 2, 1, 2)

    def call(factors, y):
        return torch.linalg.lu_solve(factors, pivots.unsqueeze(1), y, left=left, adjoint=adjoint)

    matrix = (a.mT if adjoint else a).unsqueeze(1)
    expected = torch.linalg.solve(matrix, y, left=left)
    check(call, lu, y, expected)


def test_ldl_solve():
    a, y = numbers(3, 2, 2), numbers(3, 1, 2, 2, seed=1)
    ld, pivots = torch.linalg.ldl_factor(a + a.mT)

    def call(factors, y):
        return torch.linalg.ldl_solve(factors, pivots.unsqueeze(1), y)

    check(call, ld, y, torch.linalg.solve((a + a.mT).unsqueeze(1), y))


def check(call, factors, y, expected):
    """The solution, and its gradients against those of a batch of ordinary strides."""
    found = []
    wide = factors.unsqueeze(1)
    for f in (wide, torch.empty(wide.shape, dtype=wide.dtype).copy_(wide)):
        variables = [pg.Variable(t, requires_grad=True) for t in (f, y)]
        z = call(*variables)
        torch.testing.assert_close(z.data, expected)
        firsts = pg.grad(z, variables, expected.cos(), create_graph=True)
        seconds = pg.grad(sum(t.square().sum() for t in firsts), variables)
        found.append([t.data for t in (*firsts, *seconds)])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)

"""Sparse tensors: gradients of what they leave out, and second derivatives that torch lacks."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


pytestmark = pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning")

MATRIX = torch.tensor([[0.0, 2.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
@pytest.mark.parametrize("masked", [None, True, False])
def test_to_dense_masks_the_gradient_unless_told_not_to(layout, masked):
    x = pg.Variable(MATRIX.to_sparse(layout=layout), requires_grad=True)
    cotangent = numbers(3, 3)
    (gx,) = pg.grad(x.to_dense(masked_grad=masked), x, cotangent)
    gx = gx.data if gx.data.layout is torch.strided else gx.data.to_dense()
    expected = cotangent if masked is False else torch.where(MATRIX != 0, cotangent, 0.0)
    assert torch.equal(gx, expected)


@pytest.mark.parametrize("reduce", ["sum", "mean", "amax", "amin"])
def test_a_reduced_product_has_a_second_derivative(reduce):
    x = pg.Variable(MATRIX.to_sparse_csr(), requires_grad=True)
    y = pg.Variable(numbers(3, 2), requires_grad=True)
    z = torch.sparse.mm(x, y, reduce)
    gx, gy = pg.grad(z.square().sum(), (x, y), create_graph=True)
    total = gy.square().sum() + gx.to_dense().square().sum()
    (second,) = pg.grad(total, y)

    values, b = MATRIX.to_sparse_csr().values(), y.data.clone().requires_grad_()
    v = values.clone().requires_grad_()
    rows = [v[:2, None] * b[1:], v[2:, None] * b[:1]]
    how = {"sum": lambda r: r.sum(0), "mean": lambda r: r.mean(0)}
    how |= {"amax": lambda r: r.amax(0), "amin": lambda r: r.amin(0)}
    loss = sum(how[reduce](r).square().sum() for r in rows)
    first = torch.autograd.grad(loss, (v, b), create_graph=True)
    (expected,) = torch.autograd.grad(sum(g.square().sum() for g in first), b)
    torch.testing.assert_close(second.data, expected)


def test_a_sparse_product_has_a_second_derivative():
    x = pg.Variable(MATRIX.to_sparse(), requires_grad=True)
    y = pg.Variable(numbers(3, 2), requires_grad=True)
    gx, gy = pg.grad(torch.sparse.mm(x, y).square().sum(), (x, y), create_graph=True)
    assert gx.data.layout is torch.sparse_coo
    (second,) = pg.grad(gy.square().sum(), y)
    hessian = 2 * MATRIX.mT @ MATRIX
    torch.testing.assert_close(second.data, 2 * hessian @ hessian @ y.data)

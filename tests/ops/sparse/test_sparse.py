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


@pytest.mark.filterwarnings("ignore:Sparse CS")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc])
@pytest.mark.parametrize(
    "product",
    {
        "matmul": lambda a, y: a @ y,
        "mm": torch.mm,
        "addmm": lambda a, y: torch.addmm(torch.ones(3, 1, dtype=y.dtype), a, y),
        "sparse.mm": torch.sparse.mm,
        "transposed": lambda a, y: a.t() @ y,
        "transposed sparse.mm": lambda a, y: torch.sparse.mm(a.t(), y),
        "on the right": lambda a, y: (y.t() @ a).t(),
        "on the right of columns": lambda a, y: (y.t().contiguous() @ a).t(),
    }.items(),
    ids=lambda item: item[0],
)
def test_two_layers_of_a_graph_network_share_one_constant_matrix(layout, product):
    """A product must not count as a change of its matrix: the other layer has saved it."""
    found = []
    for make in (lambda t: t.requires_grad_(), lambda t: pg.Variable(t, requires_grad=True)):
        matrix = MATRIX.to_sparse(layout=layout)
        weights = [make(numbers(2, 3, seed=1)), make(numbers(3, 2, seed=2))]
        y = numbers(3, 2)
        for weight in weights:
            y = product[1](matrix, y @ weight).tanh()
        y.square().sum().backward()
        assert matrix._version == 0
        found.append([torch.as_tensor(w.grad) for w in weights])
    for expected, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected)


def test_a_product_with_compressed_columns_has_gradients():
    x = pg.Variable(MATRIX.to_sparse_csc(), requires_grad=True)
    y = pg.Variable(numbers(3, 2), requires_grad=True)
    torch.sparse.mm(x, y).square().sum().backward()
    assert x.grad.data.layout is torch.sparse_csc
    a, b = MATRIX.clone().requires_grad_(), y.data.clone().requires_grad_()
    (a @ b).square().sum().backward()
    torch.testing.assert_close(x.grad.data.to_dense(), torch.where(MATRIX != 0, a.grad, 0.0))
    torch.testing.assert_close(y.grad.data, b.grad)

"""vector_norm: second derivatives where an element is 0, and complex numbers of any size."""

from __future__ import annotations

from math import inf

import pytest
import torch

import plugrad as pg


def hessian(norm, x):
    """Row by row, each from a cotangent of zeros and a one, as a user would."""
    (gx,) = pg.grad(norm(x), x, create_graph=True)
    rows = [pg.grad(g, x, retain_graph=True)[0].data for g in gx.flatten().unbind()]
    return torch.stack(rows).reshape(x.numel(), x.numel())


def right_hessian(x, p):
    """(p - 1) y^(1-p) (diag |x|^(p-2) - y^(-p) s s^T) with s = sgn(x) |x|^(p-1); for p > 1."""
    y = x.abs().pow(p).sum() ** (1 / p)
    s = x.sgn() * x.abs() ** (p - 1)
    return (p - 1) * y ** (1 - p) * (x.abs().pow(p - 2).diag() - y**-p * torch.outer(s, s))


NORMS = [
    lambda x, p: torch.linalg.vector_norm(x, p),
    lambda x, p: torch.linalg.norm(x, p),
    lambda x, p: torch.norm(x, p),
    lambda x, p: x.norm(p),
]


@pytest.mark.parametrize("p", [1.2, 1.5, 2, 2.1, 2.5, 2.9, 3, 3.5, 4, 5.5])
@pytest.mark.parametrize("values", [[0.0, 3.0, -4.0], [0.0, 0.0, 2.0], [0.0, -3.0]])
@pytest.mark.parametrize("norm", NORMS)
def test_an_element_of_0(norm, values, p):
    x = pg.Variable(torch.tensor(values, dtype=torch.float64), requires_grad=True)
    got = hessian(lambda x: norm(x, p), x)
    torch.testing.assert_close(got, right_hessian(x.data, p), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("p", [1, inf, -inf])
def test_where_it_is_linear(p):
    x = pg.Variable(torch.tensor([0.0, 3.0, -4.0], dtype=torch.float64), requires_grad=True)
    assert not hessian(lambda x: torch.linalg.vector_norm(x, p), x).any()


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_below_1_others_do_not_suffer_from_a_0(p):
    # At an element of 0 there is no derivative, and its gradient is 0 by convention.
    x = pg.Variable(torch.tensor([0.0, 3.0, -4.0], dtype=torch.float64), requires_grad=True)
    rest = pg.Variable(x.data[1:], requires_grad=True)
    got = hessian(lambda x: torch.linalg.vector_norm(x, p), x)
    expected = hessian(lambda x: torch.linalg.vector_norm(x, p), rest)
    torch.testing.assert_close(got[1:, 1:], expected)
    assert got[0].tolist() == [-inf, 0, 0]


@pytest.mark.parametrize("p", [1.5, 2.5, 3])
def test_a_row_of_zeros_leaves_other_rows_alone(p):
    x = pg.Variable(torch.tensor([[0.0, 0.0], [3.0, 0.0]]).double(), requires_grad=True)
    got = hessian(lambda x: torch.linalg.vector_norm(x, p, 1).sum(), x)
    expected = torch.zeros(4, 4, dtype=torch.float64)
    expected[2:, 2:] = right_hessian(x.data[1], p)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("p", [2.5, 3, 4])
def test_of_a_matrix_by_its_columns(p):
    x = pg.Variable(torch.tensor([[0.0, 3.0], [2.0, -4.0]]).double(), requires_grad=True)
    got = hessian(lambda x: torch.linalg.norm(x, p, 0).sum(), x)
    expected = torch.zeros(2, 2, 2, 2, dtype=torch.float64)
    for column in range(2):
        expected[:, column, :, column] = right_hessian(x.data[:, column], p)
    torch.testing.assert_close(got.reshape(2, 2, 2, 2), expected, rtol=1e-12, atol=1e-12)


def test_the_third_order():
    x = pg.Variable(torch.tensor([0.0, 1.0], dtype=torch.float64), requires_grad=True)
    (g,) = pg.grad(torch.linalg.vector_norm(x, 4), x, create_graph=True)
    (g,) = pg.grad(g.sum(), x, create_graph=True)
    assert pg.grad(g.sum(), x)[0].tolist() == [0, 0]


@pytest.mark.parametrize("p", [1.5, 2.5, 3])
def test_complex(p):
    z = torch.tensor([0, 3 + 4j], dtype=torch.complex128)
    x = pg.Variable(z, requires_grad=True)
    (g,) = pg.grad(torch.linalg.vector_norm(x, p), x, create_graph=True)
    (h,) = pg.grad(g[1].real, x)
    # In |z| it is linear, so only turning z counts: 1 / |z| across.
    across = torch.tensor((-4 + 3j) / 5, dtype=torch.complex128)
    torch.testing.assert_close(h.data[1], -0.8 * across / 5)
    assert h.data[0] == 0


@pytest.mark.parametrize("p", [1, 2, inf])
@pytest.mark.parametrize("size", [5e-320, 1e-310, 1e-300, 1.0, 1e300])
def test_one_complex_number_of_any_size(p, size):
    x = pg.Variable(torch.tensor(size * (0.6 + 0.8j), dtype=torch.complex128), requires_grad=True)
    (g,) = pg.grad(torch.linalg.vector_norm(x, p), x)
    assert abs(g.item() - (0.6 + 0.8j)) < 1e-3


@pytest.mark.parametrize("p", [1.5, 2.5, 3])
def test_beside_an_infinite_norm_there_is_no_derivative(p):
    x = pg.Variable(torch.tensor([inf, 1.0], dtype=torch.float64), requires_grad=True)
    (g,) = pg.grad(torch.linalg.vector_norm(x, p), x)
    assert g.data[0].isnan()  # 0 would be wrong

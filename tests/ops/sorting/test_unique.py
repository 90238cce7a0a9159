"""torch.unique and torch.unique_consecutive of Variables: torch's values, and a gradient."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import NotDifferentiableError

X = torch.tensor([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]], dtype=torch.float64)
REPEATED = torch.tensor([[2.0, 1.0], [1.0, 1.0], [1.0, 1.0], [2.0, 1.0]], dtype=torch.float64)
NAMES = ["unique", "unique_consecutive"]


def as_tuple(found):
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("x", [X, REPEATED], ids=["distinct", "repeated"])
@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("dim", [None, 0, -1])
@pytest.mark.parametrize("name", NAMES)
def test_a_call_returns_what_torch_returns(name, dim, inverse, counts, x):
    options = {"return_inverse": inverse, "return_counts": counts, "dim": dim}
    expected = as_tuple(getattr(torch, name)(x.clone().requires_grad_(), **options))
    variable = pg.Variable(x, requires_grad=True)
    got = as_tuple(getattr(torch, name)(variable, **options))
    assert [g.requires_grad for g in got] == [e.requires_grad for e in expected]
    assert all(torch.equal(g.data, e.detach()) for g, e in zip(got, expected, strict=True))


def test_the_methods_are_torchs():
    x = pg.Variable(X, requires_grad=True)
    y, where = x.unique(return_inverse=True)
    assert torch.equal(y[where].data, X)
    assert x.unique_consecutive().tolist() == X.flatten().tolist()


@pytest.mark.parametrize("dim", [None, 0, -1])
@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_goes_to_where_each_value_comes_from(name, dim):
    x = pg.Variable(X, requires_grad=True)
    y = getattr(torch, name)(x, dim=dim)
    weights = torch.arange(1.0, 1 + y.numel(), dtype=torch.float64).view(y.shape)
    weight_of = dict(zip(y.flatten().tolist(), weights.flatten().tolist(), strict=True))
    weight = torch.tensor([[weight_of[v] for v in row] for row in X.tolist()], dtype=torch.float64)
    (g,) = pg.grad((y.pow(3) * weights).sum(), x, create_graph=True)
    torch.testing.assert_close(g.data, 3 * X**2 * weight)
    (h,) = pg.grad(g.sum(), x)
    torch.testing.assert_close(h.data, 6 * X * weight)


@pytest.mark.parametrize(
    ("called", "what"),
    [
        (lambda x: x.unique(), "unique has no derivative where two elements are equal"),
        (lambda x: torch.unique(x, dim=0), "where two slices begin with equal elements"),
        (lambda x: torch.unique_consecutive(x), "unique_consecutive .* two elements are equal"),
        (lambda x: x.unique_consecutive(dim=0), "unique_consecutive .* two slices are equal"),
        (lambda x: torch.ops.aten.unique_dim_consecutive.default(x, 0)[0], "two slices are equal"),
    ],
)
def test_where_values_are_equal_there_is_no_derivative(called, what):
    x = pg.Variable(REPEATED, requires_grad=True)
    y = called(x)
    assert y.requires_grad
    with pytest.raises(NotDifferentiableError, match=what):
        y.sum().backward()
    assert not called(x.detach()).requires_grad


def test_slices_whose_order_a_small_change_turns_have_no_derivative():
    x = pg.Variable([[1.0, 3.0], [1.0, 2.0]], requires_grad=True)
    y = torch.unique(x, dim=0)
    with pytest.raises(NotDifferentiableError, match="changes how many values there are, or their"):
        y.sum().backward()
    y = torch.unique_consecutive(x, dim=0)  # which does not sort
    (g,) = pg.grad(y[0].sum(), x)
    assert g.tolist() == [[1, 1], [0, 0]]

"""matrix_sqrth, polar and the equation that both solve, where eigenvalues repeat or are 0."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.core import SampleMaker
from plugrad.errors import NotDifferentiableError
from plugrad.ops.linalg._lyapunov import solution
from plugrad.tests.installed import needs_op

make = SampleMaker(0)
newer = needs_op("linalg.polar")


def by_kronecker(y, x):
    """The w of x w + w x = y, by a system of equations in its elements, row by row."""
    one = torch.eye(x.shape[-1], dtype=x.dtype)
    system = torch.kron(x, one) + torch.kron(one, x.mT.contiguous())
    return torch.linalg.solve(system, y.reshape(-1)).reshape(y.shape)


def derivatives(function, inputs, grad, weights):
    """The value, the gradients, and the gradients of a function of these."""
    y, x = inputs
    z = function(y, (x + x.mT) / 2)  # the equation is for Hermitian x
    gradients = grad((z * weights).sum(), inputs, create_graph=True)
    loss = sum((g * (n + 2) * weights).sum() for n, g in enumerate(gradients))
    return [z, *gradients, *grad(loss, inputs)]


@pytest.mark.parametrize("x", [make(3, 3, domain="spd"), 2 * torch.eye(3, dtype=torch.float64)])
def test_the_equation_to_second_order(x):
    y, weights = make(3, 3), make(3, 3)
    expected = derivatives(
        by_kronecker, [t.clone().requires_grad_() for t in (y, x)], torch.autograd.grad, weights
    )
    ours = [pg.Variable(t.clone(), requires_grad=True) for t in (y, x)]
    found = derivatives(solution, ours, pg.grad, weights)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.data, other.detach(), rtol=1e-10, atol=1e-10)


def test_the_equation_for_complex_batches():
    z = make.complex(2, 3, 3)
    x, y = z @ z.mH + torch.eye(3), make.complex(2, 3, 3)
    w = solution(y, x)
    torch.testing.assert_close(x @ w + w @ x, y)


@newer
def test_a_repeated_root_has_a_second_derivative():
    # The square of what is found is x again, so the gradient is known and does not move.
    x = pg.Variable(4 * torch.eye(3, dtype=torch.float64), requires_grad=True)
    y = torch.linalg.matrix_sqrth(x)
    weights = make(3, 3, domain="symmetric")
    (g,) = pg.grad((y @ y * weights).sum(), x, create_graph=True)
    torch.testing.assert_close(g.data, weights)
    (h,) = pg.grad((g * weights).sum(), x)
    torch.testing.assert_close(h.data, torch.zeros(3, 3, dtype=torch.float64), atol=1e-12, rtol=0)


@newer
def test_polar_of_repeated_singular_values_has_a_second_derivative():
    # The factors' product is x again.
    x = pg.Variable(2 * torch.eye(4, 3, dtype=torch.float64), requires_grad=True)
    u, h = torch.linalg.polar(x)
    weights = make(4, 3)
    (g,) = pg.grad((u @ h * weights).sum(), x, create_graph=True)
    torch.testing.assert_close(g.data, weights)
    (h,) = pg.grad((g * weights).sum(), x)
    torch.testing.assert_close(h.data, torch.zeros(4, 3, dtype=torch.float64), atol=1e-12, rtol=0)


@newer
@pytest.mark.parametrize(
    ("name", "message"),
    [("matrix_sqrth", "no finite slope"), ("polar", "columns of the matrix are linearly depend")],
)
def test_a_singular_matrix_is_refused_in_backward(name, message):
    x = pg.Variable(torch.diag(torch.tensor([1.0, 0.0])), requires_grad=True)
    y = getattr(torch.linalg, name)(x)
    loss = y.sum() if name == "matrix_sqrth" else y[1].sum()
    with pytest.raises(NotDifferentiableError, match=message):
        loss.backward()
    assert x.grad is None


@newer
def test_the_fix_of_matrix_sqrth_works():
    x = pg.Variable(torch.diag(torch.tensor([1.0, 0.0])), requires_grad=True)
    moved = x + 1e-6 * torch.eye(x.shape[-1], dtype=x.dtype)
    torch.linalg.matrix_sqrth(moved).diagonal().sum().backward()
    expected = torch.tensor([0.5, 500.0])
    torch.testing.assert_close(x.grad.data.diagonal(), expected, rtol=1e-3, atol=0)

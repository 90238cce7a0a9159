"""pinv, pinverse and lstsq whose tolerance cuts off singular values that are not 0."""

from __future__ import annotations

from itertools import product

import pytest
import torch

import plugrad as pg
from plugrad.errors import NotDifferentiableError

#: Singular values of which those below 1 are cut off; some repeat, some are 0.
VALUES = [(3.0, 2.0, 0.5, 0.3), (3.0, 0.5, 0.3, 0.0), (2.0, 2.0, 0.5, 0.5), (2.0, 1.5, 0.0, 0.0)]
SHAPES = [(4, 4), (6, 4), (4, 6), (2, 5, 4)]
TYPES = [torch.float64, torch.complex128]


def matrix(shape, dtype, values, hermitian=False):
    generator = torch.Generator().manual_seed(0)
    rows, columns = (
        torch.linalg.qr(torch.randn(*shape[:-2], n, n, dtype=dtype, generator=generator))[0]
        for n in shape[-2:]
    )
    columns = rows * torch.tensor([1, -1, 1, -1]) if hermitian else columns
    return rows[..., :4] @ torch.tensor(values, dtype=dtype).diag() @ columns[..., :4].mH


def noise(like, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(like.shape, dtype=like.dtype, generator=generator)


def slope(function, x, direction, step=1e-3):
    """The derivative of ``function`` in a direction, by differences to sixth order."""

    def central(h):
        return (function(x + h * direction) - function(x - h * direction)) / (2 * h)

    return (64 * central(step / 4) - 20 * central(step / 2) + central(step)) / 45


def check_derivatives(function, x, direction):
    """First and second derivative and tangent of a function, in a direction."""
    weights, other = noise(function(x), 1), noise(x, 2)
    direction = direction / torch.linalg.vector_norm(direction)

    def loss(x):
        return (function(x) * weights.conj()).real.sum()

    def along(x):
        v = pg.Variable(x, requires_grad=True)
        (g,) = pg.grad(loss(v), v)
        return (g * other.conj()).real.sum().data

    v = pg.Variable(x, requires_grad=True)
    (g,) = pg.grad(loss(v), v, create_graph=True)
    (h,) = pg.grad((g * other.conj()).real.sum(), v)
    near = {"rtol": 1e-8, "atol": 1e-8}
    for found, function_ in ((g, loss), (h, along)):
        found = (found.data.conj() * direction).real.sum()
        torch.testing.assert_close(found, slope(function_, x, direction), **near)
    _, tangent = pg.func.jvp(function, (x,), (direction,))
    torch.testing.assert_close(tangent, slope(function, x, direction), **near)


@pytest.mark.parametrize(("shape", "dtype", "values"), [*product(SHAPES, TYPES, VALUES)])
def test_pinv_with_a_cut(shape, dtype, values):
    x = matrix(shape, dtype, values)
    check_derivatives(lambda x: torch.linalg.pinv(x, atol=1.0), x, noise(x, 3))


@pytest.mark.parametrize(("dtype", "values"), [*product(TYPES, VALUES)])
def test_pinv_of_a_hermitian_matrix_with_a_cut(dtype, values):
    x = matrix((2, 4, 4), dtype, values, hermitian=True)
    direction = noise(x, 3)

    def function(x):
        return torch.linalg.pinv(x, rtol=0.4, hermitian=True)

    x = (x + x.mH) / 2
    check_first = pg.Variable(x, requires_grad=True)
    weights = noise(x, 1)
    (function(check_first) * weights.conj()).real.sum().backward()
    direction = direction + direction.mH
    found = (check_first.grad.data.conj() * direction).real.sum()
    expected = slope(lambda x: (function(x) * weights.conj()).real.sum(), x, direction)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)
    _, tangent = pg.func.jvp(function, (x,), (direction,))
    torch.testing.assert_close(tangent, slope(function, x, direction), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("call", [torch.pinverse, lambda x, t: torch.linalg.pinv(x, rcond=t)])
def test_the_other_names(call):
    x = matrix((5, 4), torch.float64, VALUES[0])
    check_derivatives(lambda x: call(x, 0.4), x, noise(x, 3))


def test_one_matrix_of_a_batch_is_cut():
    x = torch.stack([matrix((5, 4), torch.float64, v) for v in (VALUES[0], (4.0, 3.0, 2.0, 1.5))])
    atol = torch.tensor([1.0, 0.1], dtype=torch.float64)
    check_derivatives(lambda x: torch.linalg.pinv(x, atol=atol), x, noise(x, 3))


def test_pinv_with_a_cut_under_vmap():
    x = matrix((2, 5, 4), torch.float64, VALUES[0])
    weights = noise(x.mT, 1)

    def gradient(x, weights):
        return pg.func.grad(lambda x: (torch.linalg.pinv(x, atol=1.0) * weights).sum())(x)

    one_by_one = torch.stack([gradient(a, w) for a, w in zip(x, weights, strict=True)])
    torch.testing.assert_close(pg.func.vmap(gradient)(x, weights), one_by_one)


def test_an_ill_conditioned_matrix_of_which_nothing_is_cut():
    x = matrix((4, 4), torch.float64, (1.0, 1e-3, 1e-6, 1e-9))
    plain, chosen = (pg.Variable(x, requires_grad=True) for _ in range(2))
    torch.linalg.pinv(plain).sum().backward()
    torch.linalg.pinv(chosen, rtol=1e-12).sum().backward()
    assert torch.equal(plain.grad.data, chosen.grad.data)


def test_a_cut_between_equal_values_is_refused_and_the_fix_works():
    exact = torch.eye(3, dtype=torch.float64)
    exact[2, 2] = 1 + 1e-15
    x = pg.Variable(2 * exact, requires_grad=True)
    with pytest.raises(NotDifferentiableError, match="equal: there the result jumps"):
        torch.linalg.pinv(x, atol=2.0).sum().backward()
    torch.linalg.pinv(x, atol=1.0).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize("driver", ["gelsd", "gelss"])
@pytest.mark.parametrize(("shape", "dtype", "values"), [*product(SHAPES, TYPES, VALUES)])
def test_lstsq_with_a_cut(driver, shape, dtype, values):
    x = matrix(shape, dtype, values)
    y = noise(x[..., :2], 4)
    check_derivatives(
        lambda x: torch.linalg.lstsq(x, y, rcond=0.4, driver=driver).solution, x, noise(x, 3)
    )
    check_derivatives(
        lambda y: torch.linalg.lstsq(x, y, rcond=0.4, driver=driver).solution ** 2, y, noise(y, 3)
    )


@pytest.mark.parametrize(("driver", "rcond"), [("gels", 0.9), ("gelsd", 1.5), ("gelsd", -1.0)])
def test_an_rcond_that_the_driver_does_not_heed(driver, rcond):
    x = matrix((6, 4), torch.float64, (3.0, 2.0, 0.5, 0.3))
    y = noise(x[:, :2], 4)
    check_derivatives(
        lambda x: torch.linalg.lstsq(x, y, rcond=rcond, driver=driver).solution, x, noise(x, 3)
    )


@pytest.mark.parametrize("driver", [None, "gelsy"])
def test_gelsy_is_refused_where_it_cuts_and_the_fix_works(driver):
    x = pg.Variable(matrix((6, 4), torch.float64, VALUES[0]), requires_grad=True)
    y = noise(x.data[:, :2], 4)
    with pytest.raises(NotDifferentiableError, match="by columns, not by ") as error:
        torch.linalg.lstsq(x, y, 0.4, driver=driver).solution.sum().backward()
    assert "driver='gelsd'" in error.value.fix
    torch.linalg.lstsq(x, y, 0.4, driver="gelsd").solution.sum().backward()
    assert x.grad is not None


def test_without_an_rcond_no_driver_is_refused():
    x = matrix((6, 4), torch.float64, VALUES[3])
    y = noise(x[:, :2], 4)
    one, other = (pg.Variable(x, requires_grad=True) for _ in range(2))
    torch.linalg.lstsq(one, y, driver="gelsy").solution.sum().backward()
    torch.linalg.lstsq(other, y, driver="gelsd").solution.sum().backward()
    torch.testing.assert_close(one.grad.data, other.grad.data)

"""cdist and pdist: the second derivative, which torch has not, and sets of no points."""

from __future__ import annotations

import math

import pytest
import torch

import plugrad as pg


def points(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def plain_cdist(x, y, p):
    return torch.linalg.vector_norm(x.unsqueeze(-2) - y.unsqueeze(-3), p, -1)


def plain_pdist(x, p):
    i, j = torch.triu_indices(len(x), len(x), 1)
    return torch.linalg.vector_norm(x[i] - x[j], p, -1)


def second(distances, leaves, grad):
    """The gradient of a gradient's square, with a loss that is not linear in the distances."""
    first = grad(distances.square().cos().sum(), leaves, create_graph=True)
    return first, grad(sum(g.square().sum() for g in first), leaves)


def same(plain, ours, leaves):
    theirs = [t.clone().requires_grad_() for t in leaves]
    mine = [pg.Variable(t, requires_grad=True) for t in leaves]
    for one, other in zip(
        second(ours(*mine), mine, pg.grad),
        second(plain(*theirs), theirs, torch.autograd.grad),
        strict=True,
    ):
        for g, e in zip(one, other, strict=True):
            torch.testing.assert_close(g.data, e.detach())


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("shapes", [((4, 3), (5, 3)), ((2, 4, 3), (5, 3)), ((30, 2), (26, 2))])
def test_second_derivative_of_cdist(p, shapes):
    leaves = [points(*shape, seed=n) for n, shape in enumerate(shapes)]
    same(lambda x, y: plain_cdist(x, y, p), lambda x, y: torch.cdist(x, y, p), leaves)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_second_derivative_of_pdist(p):
    same(
        lambda x: plain_pdist(x, p),
        lambda x: torch.nn.functional.pdist(x, p),
        [points(5, 3)],
    )


def test_where_a_coordinate_is_equal_the_second_derivative_is_not_lost():
    # The norm of (0, 3) curves by 1/3 across: where only d / |d| is differentiated it is 0.
    x = pg.Variable(torch.tensor([[1.0, 3.0]]), requires_grad=True)
    (g,) = pg.grad(torch.cdist(x, torch.tensor([[1.0, 0.0]])).sum(), x, create_graph=True)
    (h,) = pg.grad(g[0, 0], x)
    torch.testing.assert_close(h.data, torch.tensor([[1 / 3, 0.0]]))


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_equal_points_have_finite_derivatives(p):
    values = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.5]], dtype=torch.float64)
    x = pg.Variable(values, requires_grad=True)
    for distances in (torch.nn.functional.pdist(x, p), torch.cdist(x, x, p)):
        (g,) = pg.grad(distances.sum(), x, create_graph=True)
        (h,) = pg.grad(g.square().sum(), x)
        assert g.data.isfinite().all()
        assert h.data.isfinite().all()


@pytest.mark.parametrize("count", [0, 1])
def test_pdist_of_no_pairs(count):
    x = pg.Variable(torch.ones(count, 2), requires_grad=True)
    distances = torch.nn.functional.pdist(x)
    assert distances.shape == (0,)
    (g,) = pg.grad(distances.sum(), x)  # torch's kernel crashes on no points
    assert g.tolist() == [[0.0, 0.0]] * count


@pytest.mark.parametrize("kernel", ["_cdist_backward", "_pdist_backward"])
def test_between_integers_there_is_no_gradient_and_the_fix_works(kernel):
    ones = pg.Variable(torch.ones(1, 1), requires_grad=True)
    x, d = torch.tensor([[1, 3], [4, 7]]), torch.tensor([[5.0]])
    backward = getattr(torch.ops.aten, kernel).default
    if kernel == "_cdist_backward":
        call = lambda x: backward(ones, x[:1], x[1:], 2.0, d)  # noqa: E731
    else:
        call = lambda x: backward(ones[0], x, 2.0, d[0])  # noqa: E731
    with pytest.raises(pg.errors.ArgumentError, match=r"int64[\s\S]*fix:[\s\S]*float\(\)"):
        call(x)
    torch.testing.assert_close(call(x.float()).data[0], torch.tensor([-0.6, -0.8]))


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 2.0, 3.0, math.inf])
def test_points_without_coordinates_are_nowhere_apart(p):
    x = pg.Variable(points(3, 0), requires_grad=True)
    for distances in (torch.cdist(x, points(4, 0), p=p), torch.nn.functional.pdist(x, p=p)):
        assert not distances.data.any()
        (gx,) = pg.grad(distances.sum(), x, create_graph=True)
        assert gx.shape == (3, 0)

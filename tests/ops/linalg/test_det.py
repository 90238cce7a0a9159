"""The determinant of a matrix that is singular up to rounding, whose inverse has no digits left."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)


def cofactors(x):
    """The gradient of the determinant, from the determinants of what is left of x."""
    n = x.shape[-1]
    keep = [[j for j in range(n) if j != i] for i in range(n)]
    minors = [[torch.linalg.det(x[keep[i]][:, keep[j]]) for j in range(n)] for i in range(n)]
    signs = torch.tensor([[(-1.0) ** (i + j) for j in range(n)] for i in range(n)])
    return (torch.stack([torch.stack(row) for row in minors]) * signs).conj()


def product(n, rank, dtype):
    """A matrix of this rank, up to rounding."""
    generator = torch.Generator().manual_seed(n)
    left = torch.randn(n, rank, generator=generator, dtype=dtype)
    return left @ torch.randn(rank, n, generator=generator, dtype=dtype)


def derivatives(x, along):
    """The gradient, and what it changes by, summed with ``along``."""
    leaf = pg.Variable(x, requires_grad=True)
    ones = torch.ones(x.shape[:-2], dtype=x.dtype)
    (first,) = pg.grad(torch.linalg.det(leaf), leaf, ones, create_graph=True)
    (second,) = pg.grad(first, leaf, along)
    return first.data, second.data


def dot(x, y):
    return (x.conj() * y).sum().real


@DTYPES
@pytest.mark.parametrize(
    ("n", "rank"), [(2, 1), (3, 1), (3, 2), (4, 2), (4, 3), (5, 3), (5, 4), (12, 11), (12, 10)]
)
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e3])
def test_both_derivatives_where_it_is_singular_up_to_rounding(n, rank, scale, dtype):
    x = product(n, rank, dtype) * scale
    along, step = torch.randn(2, n, n, generator=torch.Generator().manual_seed(1), dtype=dtype)
    first, second = derivatives(x, along)
    s = torch.linalg.svdvals(x)
    size = s.clamp_min(s[0] / 100)[:-1].prod()
    torch.testing.assert_close(first / size, cofactors(x) / size, rtol=0, atol=1e-11)
    h = 1e-4 * scale
    change = (cofactors(x + h * step) - cofactors(x - h * step)) / (2 * h)
    torch.testing.assert_close(dot(second, step), dot(along, change), rtol=1e-5, atol=0)


@DTYPES
@pytest.mark.parametrize("power", range(3, 16, 2))
def test_second_derivatives_on_the_way_to_singular(power, dtype):
    u, _, vh = torch.linalg.svd(product(6, 6, dtype))
    s = torch.tensor([3.0, 2.5, 2.0, 1.5, 1.0, 10.0**-power], dtype=dtype)
    x = u * s @ vh
    along, step = torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(1), dtype=dtype)
    first, second = derivatives(x, along)
    torch.testing.assert_close(first, cofactors(x), rtol=0, atol=1e-6)
    change = (cofactors(x + 1e-4 * step) - cofactors(x - 1e-4 * step)) / 2e-4
    torch.testing.assert_close(dot(second, step), dot(along, change), rtol=1e-5, atol=0)


def test_a_batch_of_different_ranks():
    x = torch.stack([product(4, rank, torch.float64) for rank in (1, 2, 3, 4)])
    along = torch.randn(4, 4, 4, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    first, second = derivatives(x, along)
    for i in range(4):
        alone = derivatives(x[i], along[i])
        torch.testing.assert_close(first[i], alone[0], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(second[i], alone[1], rtol=1e-9, atol=1e-12)


def test_rows_of_different_sizes_are_no_loss():
    """What is divided by its row's size has its digits, and each cofactor keeps its own."""
    sizes = torch.tensor([1e-12, 1.0, 1e12], dtype=torch.float64)
    x = torch.eye(3, dtype=torch.float64) * sizes
    first, _ = derivatives(x, torch.ones_like(x))
    expected = (sizes.prod() / sizes).diag_embed()
    torch.testing.assert_close(first, expected, rtol=1e-14, atol=0)


def test_third_derivatives_where_it_is_singular_up_to_rounding():
    x = pg.Variable(product(3, 2, torch.float64), requires_grad=True)
    directions = torch.randn(3, 3, 3, generator=torch.Generator().manual_seed(1)).double()
    y = torch.linalg.det(x)
    for direction in directions:
        (g,) = pg.grad(y, x, create_graph=True)
        y = (g * direction).sum()
    expected = 0.0  # the permanent-like sum of determinants with a row of each
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        mixed = torch.stack([directions[k][i] for i, k in enumerate(order)])
        expected += torch.linalg.det(mixed).item()
    assert y.item() == pytest.approx(expected, rel=1e-9)


def test_the_second_derivative_of_a_large_singular_matrix():
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-3, 4, (60, 60), generator=generator).double() / 15
    x[0] = 0.0
    along, step = torch.randn(2, 60, 60, generator=generator, dtype=x.dtype)
    _, second = derivatives(x, along)

    def slope(y):
        return torch.linalg.det(y + 1e-5 * along) - torch.linalg.det(y - 1e-5 * along)

    change = (slope(x + 1e-5 * step) - slope(x - 1e-5 * step)) / 4e-10
    torch.testing.assert_close(dot(second, step), change, rtol=1e-5, atol=0)


def test_a_second_derivative_that_loses_its_digits_is_refused():
    u, _, vh = torch.linalg.svd(product(8, 8, torch.float64))
    s = torch.tensor([1.0, 1e-9, 0, 0, 0, 0, 0, 0], dtype=u.dtype)
    leaf = pg.Variable(u * s @ vh, requires_grad=True)
    with pytest.raises(pg.errors.NotDifferentiableError, match=r"size 8 loses(.|\n)*fix: "):
        pg.grad(torch.linalg.det(leaf), leaf, create_graph=True)

"""scatter_reduce: derivatives of products with zeros, and ties with what does not count."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

PLACES = torch.tensor([0, 1, 0, 0, 1])


def by_hand(x, src, include_self):
    first = src[0] * src[2] * src[3]
    second = src[1] * src[4]
    return torch.stack([first * x[0], second * x[1]] if include_self else [first, second])


def derivatives(function, values, include_self):
    x, src = (pg.Variable(v.clone(), requires_grad=True) for v in values)
    z = function(x, src, include_self)
    weighted = (z * torch.tensor([1.0, 2.0])).sum()
    first = pg.grad(weighted, [x, src], create_graph=True, materialize_grads=True)
    weights = (torch.arange(1.0, 3.0), torch.arange(2.0, 7.0))
    total = sum(((g * w).sum() for g, w in zip(first, weights, strict=True)), start=x.sum() * 0)
    second = pg.grad(total, [x, src], materialize_grads=True)
    return [v.data if isinstance(v, pg.Variable) else v for v in (z, *first, *second)]


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("zeros", [(), (0,), (0, 2), (0, 2, 3), (1, 4), (0, 1, 3)])
@pytest.mark.parametrize("x_is_zero", [False, True])
def test_products_have_two_derivatives_whatever_is_zero(zeros, x_is_zero, include_self):
    generator = torch.Generator().manual_seed(len(zeros))
    x = torch.rand(2, generator=generator, dtype=torch.float64) + 1
    src = torch.rand(5, generator=generator, dtype=torch.float64) + 1
    src[list(zeros)] = 0
    if x_is_zero:
        x[0] = 0

    def scattered(x, src, include_self):
        return x.scatter_reduce(0, PLACES, src, "prod", include_self=include_self)

    ours = derivatives(scattered, (x, src), include_self)
    torch.testing.assert_close(ours, derivatives(by_hand, (x, src), include_self))


def test_what_does_not_count_is_not_a_tie():
    x = pg.Variable(torch.tensor([2.0]), requires_grad=True)
    src = pg.Variable(torch.tensor([2.0, 1.0]), requires_grad=True)
    z = x.scatter_reduce(0, torch.tensor([0, 0]), src, "amax", include_self=False)
    gx, gsrc = pg.grad(z.sum(), [x, src])
    assert gx.tolist() == [0]
    assert gsrc.tolist() == [1, 0]  # torch says 0.5

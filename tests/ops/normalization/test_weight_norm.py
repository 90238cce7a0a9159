"""weight_norm: its second derivative, which torch has wrong; shapes that kill torch's kernel."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import ArgumentError


def by_hand(v, g):
    return v * (g / v.square().sum(1, keepdim=True).sqrt())


def test_second_derivative():
    generator = torch.Generator().manual_seed(0)
    v, g = [torch.randn(3, n, generator=generator, dtype=torch.float64) for n in (4, 1)]
    weights = torch.randn(3, 4, generator=generator, dtype=torch.float64)

    def twice(function, v, g, grad):
        (gv,) = grad((function(v, g) * weights).sum(), v, create_graph=True)
        return grad(gv.square().sum(), (v, g))

    ours = [pg.Variable(t, requires_grad=True) for t in (v, g)]
    theirs = [t.clone().requires_grad_() for t in (v, g)]
    got = twice(torch._weight_norm, *ours, pg.grad)
    expected = twice(by_hand, *theirs, torch.autograd.grad)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.data, b)


@pytest.mark.parametrize(("shape", "norms"), [((0, 3), (0, 1)), ((3, 0), (3, 1)), ((2, 3), (3, 1))])
def test_shapes_that_do_not_fit_are_refused(shape, norms):
    v = pg.Variable(torch.ones(shape), requires_grad=True)
    with pytest.raises(ArgumentError, match=r"weight_norm got a weight of shape"):
        torch._weight_norm_interface(v, torch.ones(norms))

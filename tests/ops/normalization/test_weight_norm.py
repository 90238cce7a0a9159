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


def test_a_weight_of_one_dimension():
    v, g = [torch.tensor(t, dtype=torch.float64) for t in ([2.0, -3.0], [5.0, 7.0])]
    v, g = [pg.Variable(t, requires_grad=True) for t in (v, g)]
    w = torch._weight_norm(v, g, 0)  # it is g times the sign of v
    assert w.data.tolist() == [5.0, -7.0]
    gv, gg = pg.grad(w, (v, g), torch.tensor([10.0, 20.0]).double(), create_graph=True)
    torch.testing.assert_close(gv.data, torch.zeros_like(v.data))
    assert gg.data.tolist() == [10.0, -20.0]
    for h in pg.grad((gv * gv + gg * gv + gg * gg).sum(), (v, g), allow_unused=True):
        torch.testing.assert_close(h.data, torch.zeros_like(v.data))

"""prelu: its second derivative where the input is not finite, against torch's."""

from __future__ import annotations

from math import inf, nan

import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize("constant", [True, False])
def test_what_one_output_of_the_gradient_gives_is_not_nan_for_the_other(constant):
    found = []
    for leaf, grad in (
        (lambda t: t.requires_grad_(), torch.autograd.grad),
        (lambda t: pg.Variable(t, requires_grad=True), pg.grad),
    ):
        x = leaf(torch.tensor([-inf, inf, nan, -1.0, 2.0]))
        weight = torch.tensor([0.25]) if constant else leaf(torch.tensor([0.25]))
        cotangent = leaf(torch.ones(5))
        y = torch.nn.functional.prelu(x, weight)
        (g,) = grad(y, x, cotangent, create_graph=True)
        found.append(grad(g.sum(), cotangent)[0].detach().data)
    torch.testing.assert_close(found[1], found[0])
    assert found[1].isfinite().all()

"""Inputs on which a kernel depends in steps only: their second derivative is 0, as in torch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

import plugrad as pg

FLAT = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "hardtanh": F.hardtanh,
    "max_pool1d": lambda x: F.max_pool1d(x, 2),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 2),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 2),
    "reflection pad": lambda x: F.pad(x, (1, 1), mode="reflect"),
    "nll_loss": lambda x: F.nll_loss(x[0], torch.tensor([1, 0, 3, 2])),
}


@pytest.mark.parametrize("name", FLAT)
def test_a_gradient_penalty_leaves_zeros_as_in_torch(name):
    """Not None: an optimizer's weight decay skips a parameter without a gradient."""
    data = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(0))
    scale = torch.tensor(2.0)
    theirs, their_scale = data.clone().requires_grad_(), scale.clone().requires_grad_()
    ours, our_scale = (pg.Variable(t, requires_grad=True) for t in (data, scale))
    (g,) = torch.autograd.grad((FLAT[name](theirs) * their_scale).sum(), theirs, create_graph=True)
    g.pow(2).sum().backward()
    (h,) = pg.grad((FLAT[name](ours) * our_scale).sum(), [ours], create_graph=True)
    h.pow(2).sum().backward()
    assert not theirs.grad.any()
    assert torch.equal(ours.grad.data, theirs.grad)
    torch.testing.assert_close(our_scale.grad.data, their_scale.grad)

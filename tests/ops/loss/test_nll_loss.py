"""nll_loss: the argument that has no gradient."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


def test_a_weight_that_requires_grad_is_refused():
    x = pg.Variable(torch.randn(2, 3), requires_grad=True)
    weight = pg.Variable(torch.ones(3), requires_grad=True)
    target = torch.tensor([0, 2])
    with pytest.raises(pg.errors.NotDifferentiableError, match="no gradient for it[\\s\\S]*fix:"):
        torch.nn.functional.nll_loss(x, target, weight)
    assert torch.nn.functional.nll_loss(x, target, weight.detach()).requires_grad

"""scatter: the form that has no gradient."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


def test_reduce_has_no_gradient_but_a_value():
    x = pg.Variable(torch.ones(3), requires_grad=True)
    index = torch.tensor([0])
    with pytest.raises(pg.errors.NotDifferentiableError, match="no gradient[\\s\\S]*fix:"):
        x.scatter(0, index, 5.0, reduce="add")
    with pg.no_grad():
        assert x.scatter(0, index, 5.0, reduce="add").tolist() == [6, 1, 1]

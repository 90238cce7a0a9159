"""cummax and cummin of empty tensors, of which torch before 2.14 takes any dim."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.core.installed_torch import torch_before


@pytest.mark.parametrize("function", [torch.cummax, torch.cummin])
def test_the_gradient_along_a_dim_that_an_empty_tensor_lacks(function):
    x = torch.zeros(0, 3, requires_grad=True)
    v = pg.Variable(torch.zeros(0, 3), requires_grad=True)
    if not torch_before("2.14"):
        with pytest.raises(IndexError, match="Dimension out of range"):
            function(v, 5)
        return
    (expected,) = torch.autograd.grad(function(x, 5).values.sum(), x)
    (actual,) = pg.grad(function(v, 5).values.sum(), v)
    assert torch.equal(actual.data, expected)

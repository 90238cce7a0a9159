"""cummax and cummin of empty tensors, of which torch takes any dim."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize("function", [torch.cummax, torch.cummin])
def test_the_gradient_along_a_dim_that_an_empty_tensor_lacks(function):
    x = torch.zeros(0, 3, requires_grad=True)
    (expected,) = torch.autograd.grad(function(x, 5).values.sum(), x)
    v = pg.Variable(torch.zeros(0, 3), requires_grad=True)
    (actual,) = pg.grad(function(v, 5).values.sum(), v)
    assert torch.equal(actual.data, expected)

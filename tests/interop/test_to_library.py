"""to_library: an op as a custom operator, where torch's own wrapping needs care."""

from __future__ import annotations

import torch

from plugrad.interop import to_library


def test_a_list_that_has_none_gets_no_gradient_and_the_rest_does():
    x = torch.arange(6.0, dtype=torch.float64).reshape(2, 3).requires_grad_()
    columns = torch.tensor([2, 0, 2])
    y = to_library("index")(x, [None, columns])
    assert torch.equal(y, x[:, columns])
    (gx,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert gx.tolist() == [[1, 0, 2], [1, 0, 2]]


def test_it_can_be_differentiated_twice_too():
    x = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    columns = torch.tensor([2, 0])
    index = to_library("index")
    assert torch.autograd.gradgradcheck(lambda x: index(x, [None, columns]).sin(), x)

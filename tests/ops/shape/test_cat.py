"""cat: an empty vector fits beside any shape (pytorch#5332), and has a gradient."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize("function", [torch.cat, torch.concat, torch.concatenate])
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_empty_vector_has_an_empty_gradient(function, dim, place):
    tensors = [pg.Variable(torch.ones(2, 3), requires_grad=True) for _ in range(2)]
    tensors.insert(place, pg.Variable(torch.ones(0), requires_grad=True))
    c = torch.arange(12.0).reshape(function(tensors, dim).shape)
    gradients = pg.grad(function(tensors, dim), tensors, c)
    leaves = [t.data.clone().requires_grad_() for t in tensors]
    expected = torch.autograd.grad(function(leaves, dim), leaves, c)
    for got, right in zip(gradients, expected, strict=True):
        assert got.shape == right.shape
        assert torch.equal(got.data, right)


def test_of_another_dtype_it_has_that():
    empty = pg.Variable(torch.ones(0, dtype=torch.float32), requires_grad=True)
    x = pg.Variable(torch.ones(2, 3, dtype=torch.complex128), requires_grad=True)
    gx, gempty = pg.grad(torch.cat([x, empty]).real.sum(), [x, empty])
    assert gempty.dtype is torch.float32
    assert gempty.shape == (0,)
    assert gx.dtype is torch.complex128


def test_backward_fills_grad():
    empty = pg.Variable(torch.ones(0), requires_grad=True)
    torch.cat([empty, pg.Variable(torch.ones(1, 2), requires_grad=True)]).sum().backward()
    assert empty.grad.shape == (0,)

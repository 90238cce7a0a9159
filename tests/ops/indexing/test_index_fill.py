"""index_fill: a cotangent that is infinite elsewhere says nothing about the value's gradient."""

from __future__ import annotations

import torch

import plugrad as pg


def test_the_values_gradient_where_other_cotangents_are_not_finite():
    cotangent = torch.tensor([float("inf"), 2.0, float("nan"), 3.0])
    gradients = []
    for leaf, grad in (
        (lambda x: x.requires_grad_(), torch.autograd.grad),
        (lambda x: pg.Variable(x, requires_grad=True), pg.grad),
    ):
        value = leaf(torch.tensor(1.0))
        filled = torch.index_fill(torch.zeros(4), 0, torch.tensor([1, 3, 1]), value)
        gradients.append(grad(filled, value, cotangent)[0].item())
    assert gradients == [5.0, 5.0]

"""Activations in place, as modules with inplace=True and functions with a trailing _ call them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

CALLS = {
    "relu": lambda x: F.relu(x, True),
    "relu_": F.relu_,
    "relu6": lambda x: F.relu6(x, True),
    "elu": lambda x: F.elu(x, 0.7, True),
    "elu_": lambda x: F.elu_(x, 0.7),
    "celu": lambda x: F.celu(x, 0.7, True),
    "celu_": lambda x: torch.celu_(x, 0.7),
    "selu": lambda x: F.selu(x, True),
    "selu_": torch.selu_,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1, True),
    "leaky_relu_": lambda x: F.leaky_relu_(x, 0.1),
    "hardtanh": lambda x: F.hardtanh(x, -0.5, 0.6, True),
    "hardtanh_": lambda x: F.hardtanh_(x, -0.5, 0.6),
    "threshold": lambda x: F.threshold(x, 0.1, 0.2, True),
    "threshold_": lambda x: torch.threshold_(x, 0.1, 0.2),
    "silu": lambda x: F.silu(x, True),
    "mish": lambda x: F.mish(x, True),
    "hardswish": lambda x: F.hardswish(x, True),
    "hardsigmoid": lambda x: F.hardsigmoid(x, True),
    "rrelu": lambda x: F.rrelu(x, 0.1, 0.4, True, True),
    "rrelu-not-in-training": lambda x: F.rrelu(x, 0.1, 0.4, False, True),
    "rrelu_": lambda x: torch.rrelu_(x, 0.1, 0.4, True),
}
VALUES = torch.linspace(-2, 2, 12, dtype=torch.float64)
WEIGHTS = torch.arange(12, dtype=torch.float64)


def run(function, leaf, grad):
    x = leaf * 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        y = function(x)
    assert y is x
    return x, grad((y * WEIGHTS).sum(), leaf)[0]


@pytest.mark.parametrize("name", CALLS)
def test_value_and_gradient_are_torchs(name):
    x, expected = run(CALLS[name], VALUES.clone().requires_grad_(), torch.autograd.grad)
    y, found = run(CALLS[name], pg.Variable(VALUES.clone(), requires_grad=True), pg.grad)
    assert torch.equal(y.data, x.detach())
    torch.testing.assert_close(found.data, expected)


def test_elu_in_place_with_a_negative_alpha_which_torch_refuses():
    _, found = run(
        lambda x: F.elu(x, -0.5, True), pg.Variable(VALUES.clone(), requires_grad=True), pg.grad
    )
    leaf = VALUES.clone().requires_grad_()
    (expected,) = torch.autograd.grad((F.elu(leaf, -0.5) * WEIGHTS).sum(), leaf)
    torch.testing.assert_close(found.data, expected)

"""rrelu draws torch's numbers, from the generator that is given, too."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

X = torch.linspace(-2, 2, 100)


def generator():
    return torch.Generator().manual_seed(5)


def test_a_generator_of_its_own():
    before = torch.get_rng_state()
    found = torch.rrelu(pg.Variable(X, requires_grad=True), 0.1, 0.9, True, generator())
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(found.data, torch.rrelu(X, 0.1, 0.9, True, generator()))


def primitive(x, noise):
    return torch.ops.aten.rrelu_with_noise.default(x, noise, 0.1, 0.9, True, generator())


def test_the_primitive_writes_its_slopes_into_noise():
    noise, expected_noise = torch.zeros(100), torch.zeros(100)
    x = pg.Variable(X, requires_grad=True)
    found = primitive(x, noise)
    assert torch.equal(found.data, primitive(X, expected_noise))
    assert torch.equal(noise, expected_noise)
    (g,) = pg.grad(found.sum(), x)
    assert torch.equal(g.data, noise)


@pytest.mark.skipif(
    not hasattr(torch.ops.aten, "rrelu_with_noise_functional"), reason="this torch lacks it"
)
def test_the_functional_primitive_has_the_gradient_of_what_it_drew():
    x = pg.Variable(X, requires_grad=True)
    kernel = torch.ops.aten.rrelu_with_noise_functional.default
    y, noise = kernel(x, torch.zeros(100), 0.1, 0.9, True, generator())
    assert torch.equal(y.data, X * noise.data)
    (g,) = pg.grad(y.sum(), x)
    assert torch.equal(g.data, noise.data)

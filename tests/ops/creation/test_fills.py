"""The fills in place: torch's numbers, generators and gradients, also through views."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import ArgumentError

CALLS = [
    ("zero_", (), {}),
    ("fill_", (2.5,), {}),
    ("fill_diagonal_", (3.0,), {}),
    ("fill_diagonal_", (3.0, True), {}),
    ("normal_", (), {}),
    ("normal_", (1.0, 2.0), {}),
    ("uniform_", (), {"from": 2.0, "to": 3.0}),
    ("bernoulli_", (), {}),
    ("bernoulli_", (0.3,), {}),
    ("bernoulli_", (torch.linspace(0, 1, 6),), {}),
    ("exponential_", (2.0,), {}),
    ("log_normal_", (), {}),
    ("cauchy_", (), {"sigma": 2.0}),
    ("geometric_", (0.4,), {}),
    ("random_", (), {}),
    ("random_", (5,), {}),
    ("random_", (2, 9), {}),
    ("random_", (), {"to": 4}),
]
DETERMINISTIC = {"zero_", "fill_", "fill_diagonal_"}


def _changed(make, name, args, kwargs, strided, seeded):
    """The base after the change of a part of it, its gradient, and the next random number."""
    leaf = make(torch.linspace(0, 1, 96, dtype=torch.float64).view(8, 12))
    base = leaf * 1
    part = base[:, ::2] if strided else base[:, :6]
    if seeded:
        kwargs = {**kwargs, "generator": torch.Generator().manual_seed(5)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        assert getattr(part, name)(*args, **kwargs) is part
        following = torch.rand(1).item()
    (base * base).sum().backward()
    return base.detach().tolist(), leaf.grad.tolist(), following


@pytest.mark.parametrize("strided", [False, True])
@pytest.mark.parametrize("seeded", [False, True])
@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_values_and_gradients_are_torchs(name, args, kwargs, strided, seeded):
    if seeded and name in DETERMINISTIC:
        pytest.skip("draws no numbers")
    ours = _changed(
        lambda data: pg.Variable(data, requires_grad=True), name, args, kwargs, strided, seeded
    )
    theirs = _changed(lambda data: data.requires_grad_(), name, args, kwargs, strided, seeded)
    assert ours == theirs


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_what_needs_no_gradient_is_filled_too(name, args, kwargs):
    found = []
    with torch.random.fork_rng(devices=[]):
        for make in (pg.Variable, lambda data: data):
            x = make(torch.zeros(7, 6))
            torch.manual_seed(0)
            assert getattr(x, name)(*args, **kwargs) is x
            found.append(x.tolist())
        parameter = pg.Parameter(torch.zeros(7, 6))
        torch.manual_seed(0)
        with pg.no_grad():
            getattr(parameter, name)(*args, **kwargs)
        found.append(parameter.tolist())
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    ("name", "args"),
    [("normal_", (0.0,)), ("exponential_", ()), ("geometric_", ()), ("fill_diagonal_", ())],
)
def test_a_number_that_requires_grad_is_refused(name, args):
    x = pg.Variable(torch.zeros(3, 3), requires_grad=True) * 1
    number = pg.Variable(torch.tensor(0.5), requires_grad=True)
    with pytest.raises(ArgumentError, match=r"is a Variable that requires grad"):
        getattr(x, name)(*args, number)
    assert x.tolist() == torch.zeros(3, 3).tolist()
    getattr(x, name)(*args, number.item())


def test_probabilities_have_a_gradient_of_zero():
    x = pg.Variable(torch.zeros(2, 3), requires_grad=True) * 1
    p = pg.Variable(torch.full((3,), 0.5), requires_grad=True)
    x.bernoulli_(p).sum().backward()
    assert p.grad.tolist() == [0, 0, 0]

"""The states of the generators: kept, compared, and drawn from again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.utils.checkpoint

import plugrad as pg
from plugrad.core import random_state, recomputation
from plugrad.core.random_state import RandomState, seed_generators


def test_again_draws_the_same_and_leaves_no_trace():
    state = RandomState()
    first = torch.randn(3)
    now = RandomState()
    with state.again():
        assert torch.equal(torch.randn(3), first)
    assert RandomState() == now
    assert RandomState() != state


def test_an_error_in_the_block_leaves_no_trace():
    state, now = RandomState(), None
    torch.randn(3)
    now = RandomState()
    try:
        with state.again():
            torch.randn(5)
            raise KeyError
    except KeyError:
        pass
    assert RandomState() == now


class Gpu:
    """A kind of device with two generators, which are numbers."""

    def __init__(self):
        self.states = [torch.tensor(1), torch.tensor(2)]

    def get_rng_state(self, index):
        return self.states[index].clone()

    def set_rng_state(self, state, index):
        self.states[index] = state.clone()


def on(device, index=None):
    name = device if index is None else f"{device}:{index}"
    return SimpleNamespace(device=torch.device(name))


def test_the_devices_are_those_of_the_tensors(monkeypatch):
    gpu = Gpu()
    monkeypatch.setattr(torch, "get_device_module", lambda kind: {"xpu": gpu}[kind])
    given = [on("xpu", 1), on("cpu"), on("meta"), 3, "text", None]
    state = RandomState(given)
    gpu.states = [torch.tensor(7), torch.tensor(8)]
    assert RandomState(given) != state
    with state.again():
        assert [int(s) for s in gpu.states] == [7, 2]  # that of no tensor is left alone
        gpu.states[1] += 5
    assert [int(s) for s in gpu.states] == [7, 8]
    state.restore()
    assert [int(s) for s in gpu.states] == [7, 2]
    assert RandomState(given) == state


def test_a_variable_counts_as_its_tensor(monkeypatch):
    asked = []
    monkeypatch.setattr(random_state, "_state_of", lambda device: asked.append(device))
    RandomState([pg.Variable(torch.zeros(2)), on("mps")])
    assert asked == [("mps", 0)]


def test_the_current_gpu_counts_once_it_is_in_use(monkeypatch):
    gpu = Gpu()
    monkeypatch.setattr(torch, "get_device_module", lambda kind: {"cuda": gpu}[kind])
    monkeypatch.setattr(random_state, "cuda_in_use", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    state = RandomState()
    gpu.states = [torch.tensor(7), torch.tensor(8)]
    with state.again():
        assert [int(s) for s in gpu.states] == [7, 2]


def test_seeding(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed", seeded.append)
    before = RandomState()
    seed_generators(3)
    first = torch.rand(2)
    seed_generators(3)
    assert torch.equal(torch.rand(2), first)
    assert seeded == []
    monkeypatch.setattr(random_state, "cuda_in_use", lambda: True)
    seed_generators(4)
    assert seeded == [4]
    monkeypatch.setattr(random_state, "cuda_in_use", lambda: False)
    before.restore()


@pytest.mark.parametrize("preserved", [True, False])
def test_torchs_checkpoint_draws_again_where_a_gpu_is_in_use(monkeypatch, preserved):
    """It looks for devices among tensors, which Variables are not."""
    gpu = Gpu()
    others = torch.get_device_module
    monkeypatch.setattr(
        torch, "get_device_module", lambda kind: gpu if kind == "cuda" else others(kind)
    )
    monkeypatch.setattr(random_state, "cuda_in_use", lambda: True)
    monkeypatch.setattr(recomputation, "cuda_in_use", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    drawn = []

    def function(x):
        drawn.append(int(gpu.states[0]))
        gpu.states[0] += 1
        return x.sin()

    x = pg.Variable(torch.ones(2), requires_grad=True)
    y = torch.utils.checkpoint.checkpoint(
        function, x, use_reentrant=False, preserve_rng_state=preserved
    )
    gpu.states[0] += 10
    y.sum().backward()
    assert drawn == ([1, 1] if preserved else [1, 12])
    assert int(gpu.states[0]) == (12 if preserved else 13)

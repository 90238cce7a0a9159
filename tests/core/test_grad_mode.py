"""Grad modes: ours are torch's."""

from __future__ import annotations

import threading

import pytest
import torch

import plugrad as pg


@pytest.fixture
def x():
    return pg.Variable(torch.ones(3), requires_grad=True)


def test_no_grad_as_context_and_decorator(x):
    with pg.no_grad():
        assert not pg.is_grad_enabled()
        assert not x.sin().requires_grad
        with pg.enable_grad():
            assert x.sin().requires_grad
    assert pg.no_grad()(lambda: x.sin())().requires_grad is False
    assert x.sin().requires_grad


def test_set_grad_enabled(x):
    with pg.set_grad_enabled(False):
        assert not (x * x).requires_grad
    assert (x * x).requires_grad


def test_torchs_own_modes_count(x):
    with torch.no_grad():
        assert not x.sin().requires_grad
    with torch.inference_mode():
        assert not x.sin().requires_grad


def test_it_is_per_thread(x):
    seen = []
    with pg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(x.sin().requires_grad))
        thread.start()
        thread.join()
    assert seen == [True]


def test_the_mode_does_not_matter_to_backward(x):
    y = x.sin().sum()
    with pg.no_grad():
        y.backward()
    torch.testing.assert_close(x.grad.data, torch.ones(3).cos())

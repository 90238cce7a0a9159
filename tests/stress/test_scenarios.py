"""The scenarios at a small size; ``python -m plugrad.tests.stress.run`` has the full one."""

from __future__ import annotations

import os
import signal
import threading

import pytest
import torch

from plugrad.tests.stress import scenarios

pytestmark = pytest.mark.slow
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
needs_timer = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no timer here")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("chain", (100_000,)),
        ("leaves", (5_000,)),
        ("threads", (8, 100)),
        pytest.param("interrupts", (20,), marks=needs_timer),
        ("growth", (3_000,)),
        pytest.param("fork", (6,), marks=needs_fork),
        ("spawn", (2,)),
    ],
)
def test_a_scenario(name, size):
    assert getattr(scenarios, name)(*size)


def test_a_wrong_sum_is_noticed(monkeypatch):
    monkeypatch.setattr(scenarios, "_run_threads", lambda count, work: [work(n) for n in range(1)])
    with pytest.raises(AssertionError):
        scenarios.threads(2, 3)
    assert threading.active_count() >= 1

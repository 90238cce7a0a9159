"""Grad modes: ours are torch's."""

from __future__ import annotations

import asyncio
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


@pytest.mark.parametrize(
    "make", [pg.no_grad, pg.detect_anomaly, lambda: pg.set_grad_enabled(False)]
)
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_to_decorate_what_runs_step_by_step_leaves_the_mode_as_it_is(make):
    async def coroutine(): ...

    async def generator():
        yield 1

    for function in (coroutine, generator):
        make()(function)
        assert pg.is_grad_enabled()


def test_an_asynchronous_generator_ends_in_its_mode_when_its_caller_stops():
    seen = []

    @pg.no_grad()
    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            seen.append(pg.is_grad_enabled())

    async def takes_one():
        items = numbers()
        async for _ in items:
            break
        await items.aclose()
        assert seen == [False]
        return pg.is_grad_enabled()

    assert asyncio.run(takes_one())

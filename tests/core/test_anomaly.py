"""pg.detect_anomaly as a decorator, which torch's own is not."""

from __future__ import annotations

import asyncio

import pytest
import torch

import plugrad as pg

pytestmark = pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")


def state():
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


@pytest.fixture
def mode():
    made, before = pg.detect_anomaly(check_nan=False), state()
    yield made
    assert state() == before


def test_a_function(mode):
    assert mode(state)() == (True, False)


def test_a_method(mode):
    class Model:
        @mode
        def step(self, x):
            return x, state()

    assert Model().step(1) == (1, (True, False))


def test_a_generator_but_not_who_takes_from_it(mode):
    @mode
    def twice():
        yield state()
        yield state()

    outside = state()
    for inside in twice():
        assert inside == (True, False)
        assert state() == outside


def test_a_coroutine_but_not_what_runs_while_it_waits(mode):
    async def main():
        @mode
        async def waits():
            before = state()
            await asyncio.sleep(0)
            return before, state()

        outside, running = state(), asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        assert state() == outside
        assert await running == ((True, False), (True, False))

    asyncio.run(main())


def test_an_asynchronous_generator(mode):
    @mode
    async def once():
        yield state()

    async def main():
        return [each async for each in once()], state()

    assert asyncio.run(main()) == ([(True, False)], state())


def test_it_is_restored_after_an_error_and_used_again(mode):
    @mode
    def nan():
        x = pg.Variable(torch.zeros(1), requires_grad=True)
        ((x - x).sqrt() * 0).sum().backward()
        raise ValueError(state())

    for _ in range(2):
        with pytest.raises(ValueError, match=r"\(True, False\)"):
            nan()


def test_with_its_own_check(mode):
    @pg.detect_anomaly()
    def nan():
        x = pg.Variable(torch.zeros(1), requires_grad=True)
        ((x - x).sqrt() * 0).sum().backward()

    with (
        pytest.warns(UserWarning, match="Error detected in"),
        pytest.raises(pg.errors.AnomalyError),
    ):
        nan()


def test_what_was_in_force_when_it_is_called_is_in_force_again():
    decorated = pg.detect_anomaly()(state)
    with pg.set_detect_anomaly(True, check_nan=False):
        assert decorated() == (True, True)
        assert state() == (True, False)


CALLS = {
    "a function of torch's": lambda x: torch.sin(x),
    "a number first": lambda x: 2 + x,
    "an index": lambda x: x[0],
    "of one Variable": lambda x: x.sin(),
    "with an option": lambda x: x.sum(dim=0),
    "an operator": lambda x: x * x,
    "of a list": lambda x: pg.ops.cat([x, x]),
    "in place": lambda x: (x * 1).sin_(),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("in_vmap", [False, True])
def test_the_stack_of_a_call_ends_where_the_user_called(name, in_vmap, monkeypatch):
    x = pg.Variable(torch.ones(2), requires_grad=True)
    if in_vmap:  # there one gate leaves calls to another
        monkeypatch.setattr("plugrad.core.value_gate.batched_seen", [True])
        monkeypatch.setattr("plugrad.core.value_gate.transform_depth", lambda: 1)
    with pg.detect_anomaly():
        y = CALLS[name](x)
    last = y.grad_fn.metadata["traceback_"][-1]
    assert f'"{__file__}"' in last
    assert "in <lambda>" in last

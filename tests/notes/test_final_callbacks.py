"""queue_callback: what a hook or a rule leaves to be done when its backward has ended."""

from __future__ import annotations

import threading

import pytest
import torch

import plugrad as pg
from plugrad.tests.notes.engines import values


def queue_of(engine):
    variable = pg.Variable if engine.ours else torch.autograd.Variable
    return variable._execution_engine.queue_callback


def hooked(engine, x, hook):
    y = x * 2
    y.register_hook(lambda g: hook())
    return y.sum()


def test_they_run_in_order_when_all_gradients_have_arrived(engine):
    x, queue, seen = engine.leaf([1.0]), queue_of(engine), []

    def hook():
        queue(lambda: seen.append(values(x.grad)))
        queue(lambda: seen.append("second"))
        seen.append("hook")

    hooked(engine, x, hook).backward()
    seen.append("end")
    assert seen == ["hook", [2], "second", "end"]


def test_a_callback_may_queue_another(engine):
    queue, seen = queue_of(engine), []

    def first():
        seen.append(1)
        queue(lambda: seen.append(3))

    def hook():
        queue(first)
        queue(lambda: seen.append(2))

    hooked(engine, engine.leaf([1.0]), hook).backward()
    assert seen == [1, 2, 3]


def test_they_belong_to_one_backward(engine):
    x, queue, seen = engine.leaf([1.0]), queue_of(engine), []
    y = hooked(engine, x, lambda: queue(lambda: seen.append(1)))
    y.backward(retain_graph=True)
    (x * 2).sum().backward()
    assert seen == [1]
    engine.grad(y, x)
    assert seen == [1, 1]


@pytest.mark.parametrize("create_graph", [False, True])
def test_they_run_in_the_grad_mode_of_that_backward(engine, create_graph):
    x, queue, seen = engine.leaf([1.0]), queue_of(engine), []
    y = hooked(engine, x, lambda: queue(lambda: seen.append(torch.is_grad_enabled())))
    engine.grad(y, x, create_graph=create_graph)
    assert seen == [create_graph]


def test_a_nested_backwards_run_when_that_has_ended(engine):
    queue, seen = queue_of(engine), []

    class Nests(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            queue(lambda: seen.append("outer"))
            with torch.enable_grad():
                y = hooked(engine, engine.leaf([1.0]), lambda: queue(lambda: seen.append("inner")))
            y.backward()
            seen.append("inner has ended")
            return g

    Nests.apply(engine.leaf([1.0])).sum().backward()
    assert seen == ["inner", "inner has ended", "outer"]


def test_a_callback_may_run_a_backward(engine):
    queue, z = queue_of(engine), engine.leaf([1.0])

    def callback():
        with torch.enable_grad():
            (z * 3).sum().backward()

    hooked(engine, engine.leaf([1.0]), lambda: queue(callback)).backward()
    assert values(z.grad) == [3]


def test_after_an_error_in_backward_none_runs(engine):
    queue, seen = queue_of(engine), []

    def hook():
        queue(lambda: seen.append(1))
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        hooked(engine, engine.leaf([1.0]), hook).backward()
    assert seen == []


def test_an_error_in_a_callback_ends_them_and_is_backwards(engine):
    queue, seen = queue_of(engine), []

    def fails():
        raise ArithmeticError

    def hook():
        queue(fails)
        queue(lambda: seen.append(1))

    with pytest.raises(ArithmeticError):
        hooked(engine, engine.leaf([1.0]), hook).backward()
    assert seen == []


def test_outside_of_a_backward_none_can_be_queued(engine):
    with engine.raises(RuntimeError, "Final callbacks can only be installed during backward pass"):
        queue_of(engine)(lambda: None)


def test_another_threads_backward_is_not_the_callers(engine):
    """Another thread than backward's cannot queue, either."""
    queue, errors = queue_of(engine), []

    def elsewhere():
        try:
            queue(lambda: None)
        except RuntimeError as error:
            errors.append(error)

    def hook():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    hooked(engine, engine.leaf([1.0]), hook).backward()
    assert len(errors) == 1

"""Threads: each may run backward, on graphs of its own, on shared leaves, on shared graphs."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from plugrad.tests.notes.engines import close, values

TORCH_NAMES = True


def together(function, threads=5):
    """Run ``function(i)`` in threads that start at one moment; return the results."""
    barrier = threading.Barrier(threads)

    def run(i):
        barrier.wait()
        return function(i)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@pytest.fixture(autouse=True)
def _many_switches():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_threads_with_graphs_of_their_own_do_not_meet(engine):
    def train(i):
        x = engine.leaf([float(i), 1.0])
        y = (x + 3) * (x + 4) * 0.5
        y.sum().backward()
        return values(x.grad)

    assert together(train) == [[i + 3.5, 4.5] for i in range(5)]


def test_backward_on_a_shared_leaf_adds_up(engine):
    x = engine.leaf([1.0, 2.0])

    def train(_):
        for _ in range(20):
            ((x + 3) * (x + 4) * 0.5).sum().backward()

    together(train)
    close(x.grad, [100 * 4.5, 100 * 5.5])


def test_grad_on_a_shared_leaf_gives_each_thread_its_own(engine):
    x = engine.leaf([1.0, 2.0])
    found = together(lambda i: values(engine.grad((x * x * i).sum(), x)[0]))
    assert found == [[2.0 * i, 4.0 * i] for i in range(5)]
    assert x.grad is None


def test_a_shared_graph_can_be_walked_by_several_threads_if_it_is_retained(engine):
    x = engine.leaf([1.0, 2.0])
    y = (x * x).exp().sum()
    expected = values(engine.grad(y, x, retain_graph=True)[0])
    found = together(lambda _: values(engine.grad(y, x, retain_graph=True)[0]))
    assert found == [expected] * 5


def test_a_shared_graph_that_is_not_retained_gives_some_thread_an_error(engine):
    x = engine.leaf([1.0, 2.0])
    middle = x + x**2

    def train(_):
        try:
            (middle + middle**2).sum().backward()
        except RuntimeError as error:
            return str(error)
        return None

    said = together(train)
    assert said.count(None) >= 1
    for text in said:
        assert text is None or "retain_graph" in text


def test_a_shared_part_of_a_graph_that_is_retained_serves_all(engine):
    x = engine.leaf([1.0])
    middle = x + x**2

    def train(_):
        (middle + middle**2).sum().backward(retain_graph=True)

    together(train)
    assert values(x.grad) == [5 * (4 + 6 + 4 + 1)]


def test_grad_modes_are_each_threads_own(engine):
    inside, outside = threading.Event(), threading.Event()

    def quiet():
        with engine.no_grad():
            inside.set()
            outside.wait(10)
            return engine.is_grad_enabled()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(quiet)
        assert inside.wait(10)
        assert engine.is_grad_enabled()
        assert (engine.leaf([1.0]) * 2).requires_grad
        outside.set()
        assert other.result() is False


def test_a_new_thread_starts_in_grad_mode(engine):
    with engine.no_grad(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(engine.is_grad_enabled).result()


def test_inference_mode_is_each_threads_own(engine):
    with engine.inference_mode(), ThreadPoolExecutor(1) as pool:
        assert not pool.submit(torch.is_inference_mode_enabled).result()


def test_saved_tensors_hooks_are_each_threads_own(engine):
    def never(t):
        raise AssertionError

    x = engine.leaf([2.0])
    with engine.graph.saved_tensors_hooks(never, never), ThreadPoolExecutor(1) as pool:
        y = pool.submit(lambda: x * x).result()
    y.backward()
    assert values(x.grad) == [4]


def test_hooks_run_in_the_thread_that_runs_backward(engine):
    x, threads = engine.leaf([1.0]), []
    y = x * 2
    y.register_hook(lambda g: threads.append(threading.get_ident()))
    with ThreadPoolExecutor(1) as pool:
        there = pool.submit(lambda: (y.backward(), threading.get_ident())[1]).result()
    assert threads == [there]


def test_an_error_in_one_threads_backward_does_not_touch_the_others(engine):
    class FailsFor(engine.Function):
        @staticmethod
        def forward(ctx, x, i):
            ctx.i = i
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            if ctx.i == 2:
                raise ArithmeticError("on purpose")
            return g, None

    x = engine.leaf([1.0])

    def train(i):
        try:
            FailsFor.apply(x * 1, i).backward()
        except ArithmeticError:
            return "failed"
        return "fine"

    assert together(train).count("failed") == 1
    assert values(x.grad) == [4]


def test_one_hook_of_several_tensors_counts_each_threads_backward_by_itself(engine):
    a, b = engine.leaf([1.0]), engine.leaf([2.0])
    c, lock, seen = engine.leaf([1.0]), threading.Lock(), []

    def hook(gradients):
        with lock:
            seen.append([g is not None for g in gradients])

    handle = engine.graph.register_multi_grad_hook((c, a, b), hook)
    out = (a * b).sum()
    together(lambda _: out.backward(inputs=(a, b), retain_graph=True))
    assert seen == [[False, True, True]] * 5
    handle.remove()


def test_any_of_several_tensors_counts_each_threads_backward_by_itself(engine):
    a, b, lock, seen = engine.leaf([1.0]), engine.leaf([2.0]), threading.Lock(), []

    def hook(gradient):
        with lock:
            seen.append(gradient is not None)

    engine.graph.register_multi_grad_hook((a, b), hook, mode="any")
    out = (a * b).sum()
    together(lambda _: out.backward(retain_graph=True))
    assert seen == [True] * 5


def test_a_hook_that_one_thread_registers_while_another_runs_backward(engine):
    x = engine.leaf([1.0])
    y = x * 2

    def either(i):
        for _ in range(30):
            if i % 2:
                y.register_hook(lambda g: g).remove()
            else:
                y.backward(retain_graph=True)

    together(either, threads=4)
    assert values(x.grad) == [2 * 30 * 2]


def test_a_retained_gradient_adds_up(engine):
    if not engine.ours:
        pytest.skip("torch adds to it without a lock, and loses some")
    for _ in range(20):
        x = engine.leaf([1.0, 2.0])
        y = x * 2
        y.retain_grad()
        together(lambda _, y=y: (y * 1).sum().backward(retain_graph=True), threads=8)
        assert values(y.grad) == [8, 8]


def test_a_gradient_is_read_by_threads_as_one_object(engine):
    x = engine.leaf([1.0, 2.0])
    (x * x).sum().backward()
    found = together(lambda _: x.grad)
    assert all(g is found[0] for g in found)


def test_a_graph_made_in_one_thread_is_walked_in_another(engine):
    with ThreadPoolExecutor(1) as pool:
        x, y = pool.submit(lambda: ((v := engine.leaf([3.0])), (v * v).sum())).result()
    y.backward()
    assert values(x.grad) == [6]


def test_a_new_leaf_that_several_threads_use_first(engine):
    leaves = [engine.leaf([1.0, 2.0]) for _ in range(60)]
    barriers = [threading.Barrier(4) for _ in leaves]

    def run(i):
        for x, barrier in zip(leaves, barriers, strict=True):
            barrier.wait()
            y = (x * x).sum()
            (g,) = engine.grad(y, x)
            assert values(g) == [2, 4]

    together(run, threads=4)

"""Backwards inside one another, so deep that they move to stacks of their own."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
import torch

import plugrad as pg

DEPTH = 40  # three stacks


def nested(base, leaf, innermost):
    """A Function whose backward runs a backward, ``DEPTH`` times, and then ``innermost``."""

    class Nested(base):
        @staticmethod
        def forward(ctx, x, left):
            ctx.left = left
            return x * 1

        @staticmethod
        def backward(ctx, g):
            if not ctx.left:
                innermost()
                return g, None
            with torch.enable_grad():
                x = leaf()
                Nested.apply(x, ctx.left - 1).sum().backward()
            return g * x.grad.data, None

    return Nested


def leaf():
    return pg.Variable(torch.ones(2), requires_grad=True)


@pytest.mark.parametrize("base", [pg.Function, torch.autograd.Function])
@pytest.mark.parametrize("in_a_thread", [False, True])
def test_the_innermost_backward_sees_the_callers_modes(base, in_a_thread):
    seen = []

    def look():
        modes = (torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"))
        seen.append((*modes, torch.get_autocast_dtype("cpu")))

    def go():
        x = leaf()
        y = nested(base, leaf, look).apply(x, DEPTH).sum()
        with torch.autocast("cpu", dtype=torch.float16):
            y.backward()
        assert x.grad.data.tolist() == [1, 1]

    if in_a_thread:
        thread = threading.Thread(target=go)
        thread.start()
        thread.join()
    else:
        go()
    assert seen == [(False, True, torch.float16)]


def test_the_innermost_backward_is_in_the_callers_dual_level():
    """It raised: there was no level in the threads of the other stacks."""
    seen = []

    def look():
        with pg.enable_grad():
            dual = pg.forward_ad.make_dual(leaf(), torch.ones(2))
            seen.append(pg.forward_ad.unpack_dual(dual * dual).tangent.data.tolist())

    y = nested(pg.Function, leaf, look).apply(leaf(), DEPTH).sum()
    with pg.forward_ad.dual_level():
        y.backward()
    assert seen == [[2, 2]]


def test_backwards_inside_one_another_can_be_mapped():
    """torch.vmap's levels are not in the threads of the other stacks."""

    class Nested(pg.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, left):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.left = inputs
            ctx.save_for_backward(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            if not ctx.left:
                return g * 2 * x, None
            with pg.enable_grad():
                y = pg.Variable(x.detach(), requires_grad=True)
                (slope,) = pg.grad(Nested.apply(y, ctx.left - 1), y, torch.ones(2))
            return g * slope, None

    def slope(x):
        return pg.func.grad(lambda x: Nested.apply(x, DEPTH).sum())(x)

    found = pg.func.vmap(slope)(pg.Variable(torch.tensor([[1.0, 2.0], [3.0, 4.0]])))
    assert found.data.tolist() == [[2, 4], [6, 8]]


def test_an_error_of_the_innermost_backward_comes_out():
    def fail():
        raise ArithmeticError("deep down")

    x = leaf()
    with pytest.raises(ArithmeticError, match="deep down"):
        nested(pg.Function, leaf, fail).apply(x, DEPTH).sum().backward()
    assert x.grad is None


@pytest.fixture
def _interruptible():
    """A shell starts what runs in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_an_interruption_ends_the_innermost_rule():
    """It was waited for to its end, or went on in a thread that nobody waited for."""
    ended = []

    def work():
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                sum(range(100))
        finally:
            ended.append(time.monotonic() < until)

    x, threads = leaf(), threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        nested(pg.Function, leaf, work).apply(x, DEPTH).sum().backward()
    assert ended == [True]
    assert x.grad is None
    assert torch.is_grad_enabled()
    deadline = time.monotonic() + 5
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= threads
    (x * 2).sum().backward()
    assert x.grad.data.tolist() == [2, 2]

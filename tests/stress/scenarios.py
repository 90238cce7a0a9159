"""Scenarios: what the engine must stand. Each asserts, and says what it did.

``python -m plugrad.tests.stress.run`` runs them at full size; ``test_scenarios.py`` at a small one.
"""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import random
import resource
import signal
import sys
import threading
import warnings
import weakref
from contextlib import contextmanager

import torch

import plugrad as pg

FACTOR = 1.0000001


def leaf(*values):
    """A leaf of these numbers."""
    return pg.Variable(torch.tensor(values, dtype=torch.float64), requires_grad=True)


# --- size ----------------------------------------------------------------------------


def chain(nodes):
    """Build a chain, run its backward and free it, with a stack that recursion would overflow."""
    problems = []

    def work():
        try:
            x = leaf(2.0)
            y = x
            for _ in range(nodes):
                y = y * FACTOR
            middle = weakref.ref(y)
            y.sum().backward(retain_graph=True)
            assert math.isclose(x.grad.item(), FACTOR**nodes, rel_tol=1e-9), x.grad
            (g,) = pg.grad(y.sum(), x)
            assert math.isclose(g.item(), FACTOR**nodes, rel_tol=1e-9), g
            del y, g
            assert middle() is None, "the chain is kept alive by something"
        except BaseException as error:
            problems.append(error)

    _in_small_thread(work)
    assert not problems, problems[0]
    return f"{nodes:,} nodes built, run twice and freed"


def _in_small_thread(work):
    old = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(old)


def leaves(count):
    """One graph over many leaves, each with a gradient of its own."""
    made = [leaf(float(i)) for i in range(count)]
    level = [x * (i % 7) for i, x in enumerate(made)]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [a + b for a, b in pairs] + level[len(level) - len(level) % 2 :]
    level[0].sum().backward()
    wrong = [i for i, x in enumerate(made) if x.grad.item() != i % 7]
    assert not wrong, f"the gradients of {len(wrong)} leaves are wrong: {wrong[:5]}"
    together = torch.stack(made).sum()
    assert all(g.item() == 1 for g in pg.grad(together, made))
    return f"{count:,} leaves in a tree, and in one call"


# --- threads -------------------------------------------------------------------------


def threads(count, rounds):
    """Threads that run backward on the same leaves: every contribution is added once."""
    shared = [leaf(*range(size)) for size in (1, 3, 100)]
    problems = []
    interval = sys.getswitchinterval()

    def work(number):
        try:
            for step in range(rounds):
                factor = number + step % 5
                total = sum((x * factor).sum() for x in shared)
                assert all(
                    (g.data == factor).all() for g in pg.grad(total, shared, retain_graph=True)
                )
                total.backward()
        except BaseException as error:
            problems.append(error)

    sys.setswitchinterval(1e-5)  # so that they meet in the middle of things
    try:
        _run_threads(count, work)
    finally:
        sys.setswitchinterval(interval)
    assert not problems, problems[0]
    expected = sum(n + step % 5 for n in range(count) for step in range(rounds))
    for x in shared:
        assert (x.grad.data == expected).all(), (x.grad, expected)
    return f"{count} threads, {rounds:,} rounds each"


def _run_threads(count, work):
    started = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


# --- interrupts ----------------------------------------------------------------------


def interrupts(count, seed=0):
    """KeyboardInterrupts at random moments of backward: modes are back, the next one is right."""
    draw = random.Random(seed)
    x, expected = leaf(*[1.5] * 8), None
    hits = late = 0
    with _alarm_raises():
        while hits < count:
            root = _layers(x)
            if expected is None:
                (expected,) = (g.data for g in pg.grad(root, x, retain_graph=True))
            try:
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-5, 4e-3))
                root.backward(retain_graph=True, create_graph=draw.random() < 0.3)
                signal.setitimer(signal.ITIMER_REAL, 0)
                late += 1
                assert late < 100 * count, "backward ends before it can be interrupted"
            except KeyboardInterrupt:
                hits += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            _assert_sane(root, x, expected)
    return f"{hits} interrupts, {late} backwards that ended before theirs"


def _layers(x):
    y = x
    for number in range(40):
        y = (y * y.sin() + x / (number + 2)).tanh()
    return y.sum()


@contextmanager
def _alarm_raises():
    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _assert_sane(root, x, expected):
    assert torch.is_grad_enabled(), "grad mode was left off"
    plain = torch.ones(2, requires_grad=True)
    (plain * 2).sum().backward()
    assert (plain.grad == 2).all(), "torch's autograd was left off"
    for again in (root, _layers(x)):
        x.grad = None
        again.backward(retain_graph=True)
        assert torch.allclose(x.grad.data, expected, rtol=1e-12), (x.grad, expected)
    x.grad = None


# --- memory --------------------------------------------------------------------------


def growth(iterations):
    """Training steps with the collector off: no object and no byte stays behind."""
    x, w = leaf(1.0, 2.0, 3.0), leaf(0.5, -0.5, 0.25)
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        _steps(x, w, max(iterations // 20, 200))
        objects, memory = len(gc.get_objects()), _resident()
        _steps(x, w, iterations)
        more, grown = len(gc.get_objects()) - objects, _resident() - memory
    finally:
        if was_enabled:
            gc.enable()
    assert more < 200, f"{more} objects more after {iterations} steps"
    assert grown < 8 * 2**20, f"{grown / 2**20:.1f} MiB more after {iterations} steps"
    return f"{iterations:,} steps: {more} objects and {grown / 2**20:.1f} MiB more"


def _steps(x, w, count):
    for _ in range(count):
        y = (x * w).tanh()
        (g,) = pg.grad(y.sum(), w, create_graph=True)
        (y[1:].sum() + (g * g).sum()).backward()
        with pg.no_grad():
            w.data.sub_(w.grad.data, alpha=1e-3)
        w.grad = x.grad = None


def _resident():
    """Bytes of memory in use; the most there ever were where /proc is not."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# --- processes -----------------------------------------------------------------------


def fork(children, size=300_000, limit=20):
    """Fork while threads run backward: no child waits for a lock that was held at that moment."""
    shared, stop = leaf(*[1.0] * 3), threading.Event()
    large = pg.Variable(torch.ones(size), requires_grad=True)

    def work():
        while not stop.is_set():
            (large * 1 + shared.sum()).sum().backward()

    busy = [threading.Thread(target=work) for _ in range(3)]
    for thread in busy:
        thread.start()
    try:
        ends = [_forked(limit) for _ in range(children)]
    finally:
        stop.set()
        for thread in busy:
            thread.join()
    hung = sum(status == signal.SIGALRM for status in ends)
    assert not any(ends), (
        f"{hung} of {children} children hung, {sum(map(bool, ends)) - hung} failed"
    )
    return f"{children} children"


def _forked(limit):
    """The status of a child that runs a backward of its own; it has ``limit`` seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there are threads is the point
        child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(limit)
            mine = leaf(1.0, 2.0)
            (mine * mine).sum().backward()
            status = int(not torch.equal(mine.grad.data, torch.tensor([2.0, 4.0]).double()))
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def spawn(children):
    """Leaves go to spawned processes and gradients come back, both pickled."""
    with multiprocessing.get_context("spawn").Pool(min(children, 2)) as pool:
        given = [leaf(float(n), 2.0) for n in range(children)]
        results = pool.map(squared, given)
    for x, (gradient, seen) in zip(given, results, strict=True):
        assert seen.requires_grad
        assert seen.is_leaf
        assert torch.equal(seen.data, x.data)
        assert torch.equal(gradient.data, 2 * x.data), gradient
        assert seen.grad is None  # as of a pickled tensor
    return f"{children} leaves through 2 processes"


def squared(x):
    """In the child: the gradient of x * x, and x itself with it as grad."""
    (gradient,) = pg.grad((x * x).sum(), x)
    (x * x).sum().backward()
    return gradient, x

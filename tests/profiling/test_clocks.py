"""Clocks are in every op while a profile runs, and nowhere at any other time."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
import torch
from torch.nn import functional

import plugrad as pg
from plugrad.core import call, engine, seams, twins
from plugrad.core.inplace import Constant, CopySlices
from plugrad.core.walk import Walk
from plugrad.interop import adoption


def state():
    """All that a profile exchanges, by what has it."""
    gates = list(seams._gates)
    kinds = [*seams._record_types, Constant, CopySlices]
    cells = [c for gate in gates for name in ("forward", "native") for c in seams.cells(gate, name)]
    return {
        **{id(cell): cell.cell_contents for cell in cells},
        **{kind: vars(kind).get("_pg_rule") for kind in kinds},
        "go": Walk.go,
        "stack": engine.on_another_stack,
        "adopted": adoption._call,
        "fall back": pg.registry.fall_back,
    }


def assert_unchanged(before):
    """Assert that all that is still there is as it was; other tests' Functions may be gone."""
    now = state()
    assert {k: now[k] for k in before if k in now} == {k: v for k, v in before.items() if k in now}


def test_afterwards_all_is_as_it_was():
    x = pg.Variable(torch.ones(3), requires_grad=True)
    (x.sin() * x).sum().backward()
    x.detach().cos_()
    before = state()
    with pg.profile():
        during = state()
        (x.sin() * x).sum().backward()
    after = state()
    assert before.items() <= after.items()
    assert not any(before[key] is during[key] for key in ("go", "stack", "adopted", "fall back"))
    assert not any(hasattr(found, "_pg_clock") for found in after.values())


def test_so_it_is_after_an_error():
    before = state()
    with pytest.raises(ZeroDivisionError), pg.profile():
        raise ZeroDivisionError
    assert_unchanged(before)


def test_a_call_runs_the_same_code_whether_or_not_there_was_a_profile():
    # What costs nothing when it is off: neither code nor function of a call is exchanged.
    gates = {pg.registry[n].apply: pg.registry[n].apply.__code__ for n in ("sin", "mul", "view")}
    x = pg.Variable(torch.ones(2), requires_grad=True)
    with pg.profile():
        assert (x * x.sin()).view(2, 1).shape == (2, 1)
        assert {pg.registry[n].apply for n in ("sin", "mul", "view")} == set(gates)
    assert all(gate.__code__ is code for gate, code in gates.items())


@pytest.mark.parametrize("module", [call, twins, engine])
def test_the_engine_does_not_know_of_profiles(module):
    assert not any("profil" in name for name in vars(module))


def test_every_op_is_timed():
    missing = []
    with pg.profile():
        for entry in pg.registry:
            found = [c.cell_contents for c in seams.cells(entry.apply, "forward")]
            if not found or not all(hasattr(f, "_pg_clock") for f in found):
                missing.append(entry.name)
            kind = getattr(entry.function, "record_type", None)
            if kind is not None and not hasattr(kind._pg_rule, "_pg_clock"):
                missing.append(f"{entry.name}'s rule")
    assert not missing


def test_it_is_imported_only_when_it_is_used():
    code = (
        "import sys, plugrad\n"
        "assert 'plugrad.profiling' not in sys.modules\n"
        "plugrad.profile()\n"
        "assert 'plugrad.profiling' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


def test_rules_keep_their_marks():
    class Once(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        @pg.once_differentiable
        def backward(ctx, gy):
            return gy * 1

    x = pg.Variable(torch.ones(2), requires_grad=True)
    with pg.profile():
        (g,) = pg.grad(Once.apply(x).sum(), x, create_graph=True)
        with pytest.raises(pg.errors.OnceDifferentiableError):
            g.sum().backward()


def test_gradients_are_the_same():
    def run():
        x = pg.Variable(torch.linspace(-1, 1, 12).view(3, 4), requires_grad=True)
        y = functional.layer_norm(x, (4,)).softmax(-1).clone()
        y[1].mul_(2)
        first, second = y.unbind()[:2]
        (g,) = pg.grad((first * second).sum() + torch.cdist(x, x * 2).sum(), x, create_graph=True)
        (g**2).sum().backward()
        return x.grad.data

    plain = run()
    with pg.profile():
        assert torch.equal(run(), plain)


def test_profiles_of_several_threads_begin_and_end_as_they_like():
    before = state()
    x = pg.Variable(torch.ones(2))
    counted = []

    def work():
        for _ in range(30):
            with pg.profile() as run:
                x.sin()
            counted.append(next(r.calls for r in run.rows if r.op == "sin") >= 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert counted == [True] * 120
    assert_unchanged(before)

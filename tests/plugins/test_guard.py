"""Guard: what a pack's code may not change, and whose an exception is."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import gc
import os
import random
import signal
import sys
import threading
import warnings
from contextlib import suppress

import numpy as np
import numpy.random  # which NumPy itself imports only when it is used
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from plugrad.plugins.guard import _STATE, Guard
from plugrad.tests.plugins.site import IMPORTS, op_class, pack_of

TRIPLE = pack_of("triple", 3)

CHANGES = {
    "the default device": lambda: torch.set_default_device("meta"),
    "torch function modes": lambda: torch.overrides.BaseTorchFunctionMode().__enter__(),
    "inference mode": lambda: kept.append(torch.inference_mode()) or kept[-1].__enter__(),
    "grad mode": lambda: torch.set_grad_enabled(False),
    "anomaly mode": lambda: torch.set_anomaly_enabled(True, False),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16).__enter__(),
    "the default dtype": lambda: torch.set_default_dtype(torch.float64),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "cuDNN's flags": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "flushing of denormal numbers": lambda: torch.set_flush_denormal(True),
    "torch dispatch modes": lambda: Logged().__enter__(),
    "the number of threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    # To draw changes a state whatever it was; to seed does not, where it had that seed before.
    "torch's random state": lambda: torch.rand(3, device="cpu"),
    "Python's random state": lambda: random.random(),
    "NumPy's random state": lambda: np.random.rand(),
    "NumPy's handling of errors": lambda: np.seterr(all="raise"),
    "the filters of warnings": lambda: warnings.simplefilter("ignore"),
    "how tensors are printed": lambda: torch.set_printoptions(precision=2),
    "the working directory": lambda: os.chdir("/"),
    "garbage collection": gc.disable,
}
kept = []


class Logged(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kept.append(func)
        return func(*args, **(kwargs or {}))


def state():
    found = {}
    for name, (read, _) in _STATE.items():
        with suppress(LookupError):  # no CUDA
            found[name] = read()
    return found


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_the_programs_is_set_back_and_told(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = state()
    with Guard() as guard:
        CHANGES[name]()
    assert state() == before
    assert [what.partition(" (")[0] for what in guard.changed] == [name]
    (message,) = guard.messages("the pack one", "a test")
    assert message.startswith(f"the pack one changed global state: {name}")
    assert "; it was restored\n  where: a test\n  fix: its author should" in message


def test_everything_at_once_also_if_it_raises(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = state()

    def change_all():
        for change in CHANGES.values():
            change()
        raise ZeroDivisionError

    guard = Guard()
    with pytest.raises(ZeroDivisionError), guard:
        change_all()
    assert state() == before
    # Leaving inference mode brings the grad mode back.
    assert {what.partition(" (")[0] for what in guard.changed} == {*CHANGES} - {"grad mode"}


def test_what_stays_as_it_is_is_not_told_of():
    with Guard() as guard:
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(0)
        warnings.filterwarnings("ignore", module="a_library", append=True)
    assert guard.changed == []
    assert guard.messages("the pack one", "a test") == []
    assert warnings.filters[-1][3].pattern == "a_library"
    warnings.filters.pop()


def test_a_librarys_own_filter_stays_where_another_is_taken_back():
    with warnings.catch_warnings():
        before = list(warnings.filters)
        with Guard() as guard:
            warnings.simplefilter("ignore")
            warnings.filterwarnings("ignore", message="a library's")
        assert guard.changed == ["the filters of warnings"]
        assert warnings.filters[1:] == before
        assert warnings.filters[0][1].pattern == "a library's"


def test_a_mode_of_the_program_does_not_see_the_guard():
    kept.clear()
    with Logged(), Guard() as guard:
        torch.manual_seed(torch.initial_seed() + 1)
    assert guard.changed == ["torch's random state"]
    assert kept == []


def test_the_outer_guard_decides():
    with Guard() as outer:
        with Guard() as inner:
            torch.set_default_dtype(torch.float64)
        assert torch.get_default_dtype() is torch.float64
    assert (inner.changed, outer.changed) == ([], ["the default dtype (torch.float64)"])
    assert torch.get_default_dtype() is torch.float32


# --- whose exception -----------------------------------------------------------------


class Known(BaseException):
    """Of a module that was there before."""


class Own(BaseException):
    __module__ = "a_pack_that_is_imported_only_now"


class OwnFromC(BaseException):
    """As Rust's PanicException: raised without a raise statement, its module nowhere."""

    __module__ = "pyo3_runtime"


def throw(error):
    raise error


def throw_from_c(error):
    (_ for _ in ()).throw(error)


@pytest.mark.parametrize(
    "raised",
    [
        lambda: throw(Own()),
        lambda: throw(GeneratorExit()),
        lambda: throw(BaseException("text")),
        lambda: throw(Known()),
        lambda: throw(SystemExit(3)),
        lambda: throw(asyncio.CancelledError()),
        lambda: asyncio.run(cancelled()),
        lambda: pytest.skip("no GPU"),
        lambda: throw_from_c(OwnFromC()),
    ],
)
def test_the_packs_own(raised):
    assert is_packs_own(raised)


async def cancelled():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


def is_packs_own(run):
    guard = Guard()
    try:
        with guard:
            run()
    except BaseException as error:
        return guard.is_packs_own(error)
    raise AssertionError("it did not raise")


def test_an_interruption_is_not():
    assert not is_packs_own(lambda: throw(KeyboardInterrupt()))


def handler(error, *_):
    raise error


class Handler:
    def __call__(self, *_):
        raise Own

    def method(self, *_):
        raise Own


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such signals")
@pytest.mark.parametrize(
    "handle",
    [
        functools.partial(handler, GeneratorExit()),
        functools.partial(handler, TimeoutError()),
        lambda *_: sys.exit(0),
        lambda *_: pytest.fail("it took too long"),
        Handler(),
        Handler().method,
    ],
)
def test_what_a_signals_handler_raises_is_not(handle):
    previous = signal.signal(signal.SIGUSR1, handle)
    try:
        assert not is_packs_own(lambda: signal.raise_signal(signal.SIGUSR1))
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_what_another_thread_sets_is_not():
    def wait():
        ident = ctypes.c_ulong(threading.get_ident())
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(Known))
        for _ in range(10**7):
            pass

    found = []
    thread = threading.Thread(target=lambda: found.append(is_packs_own(wait)))
    thread.start()
    thread.join()
    assert found == [False]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no groups")
def test_a_group_is_the_packs_if_all_in_it_is():
    group = __builtins__["BaseExceptionGroup"]
    assert is_packs_own(lambda: throw(group("all", [ValueError(), Own()])))
    assert not is_packs_own(lambda: throw(group("all", [Own(), KeyboardInterrupt()])))


# --- packs ---------------------------------------------------------------------------

ENDS = {
    "its_own": "class Stop(BaseException): pass\nraise Stop('stop')",
    "generator_exit": "raise GeneratorExit",
    "base": "raise BaseException('base')",
}


def test_packs_that_end_in_unusual_ways_are_set_aside(site):
    for name, code in ENDS.items():
        site.install(name, code)
    site.install("hook", TRIPLE.replace("registry.add(Double)", "raise GeneratorExit"))
    site.install("text", "class E(Exception):\n    def __str__(self): raise GeneratorExit\nraise E")
    listener = "@pg.hookimpl\ndef plugrad_op_registered(op):\n    raise GeneratorExit\n"
    site.install("listener", IMPORTS + listener)
    site.install("zed", TRIPLE)
    out, _ = site.run(
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(hasattr(x, "anything"), x.triple().data.tolist())
        for warning in caught:
            print(warning.message)
        print([pack.name for pack in pg.packs if pack.status == "loaded"])
        """
    )
    assert out.startswith("False [3.0, 6.0]\n")
    for name, said in [
        ("its_own", "Stop: stop"),
        ("generator_exit", "GeneratorExit: "),
        ("base", "BaseException: base"),
        ("hook", "GeneratorExit: "),
        ("text", "E: (its text cannot be read: GeneratorExit)"),
    ]:
        assert f"the pack {name} of {name} 1.0 is set aside: {said}\n" in out
    assert "plugrad_op_registered of the pack listener raised GeneratorExit: \n" in out
    assert out.endswith("['listener', 'zed']\n")


def test_packs_that_leave_the_program_changed(site):
    site.install("quiet", TRIPLE + "import torch\ntorch.set_grad_enabled(False)\n")
    site.install("bad", "import torch\ntorch.set_default_dtype(torch.float64)\n1 / 0")
    code = "import torch\ntorch.manual_seed(0)\nprint(float(torch.rand(())) > 0)\n"
    site.install("seed", code + pack_of("five", 5).replace(
        "    registry.add", "    torch.set_default_device('meta'); registry.add"))  # fmt: skip
    out, _ = site.run(
        """
        torch.manual_seed(7)
        expected = torch.rand(3)
        torch.manual_seed(7)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            x.triple().sum().backward()
        print(torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_default_device())
        print(torch.equal(torch.rand(3), expected), x.grad.data.tolist())
        for warning in caught:
            print(warning.category.__name__, warning.filename, warning.message)
        """
    )
    assert "\nTrue torch.float32 cpu\nTrue [3.0, 3.0]\n" in out
    changed = "changed global state:"
    assert f"PackWarning <string> the pack quiet of quiet 1.0 {changed} grad mode (False); " in out
    assert f"the pack bad of bad 1.0 {changed} the default dtype (torch.float64); it was" in out
    assert f"the pack seed of seed 1.0 {changed} the default device (device(type='meta'))" in out
    assert ", torch's random state; it was restored\n  where: the pack seed of seed 1.0" in out
    assert out.count("fix: its author should change such things in a with block") == 3


def test_a_listener_that_changes_the_program(site):
    listener = "@pg.hookimpl\ndef plugrad_op_registered(op):\n    torch.set_grad_enabled(False)\n"
    site.install("ear", "import torch\n" + IMPORTS + listener)
    out, _ = site.run(
        "warnings.simplefilter('ignore')\nhasattr(x, 'anything')\n" + IMPORTS,
        op_class("mine", 3),
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pg.registry.add(Double)
        print(caught[0].message)
        print(torch.is_grad_enabled(), x.mine().data.tolist())
        """,
    )
    assert "plugrad_op_registered of the pack ear changed global state" in out
    assert "grad mode (False); it was restored\n  where: the pack ear\n  fix: " in out
    assert out.endswith("True [3.0, 6.0]\n")

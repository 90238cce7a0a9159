"""Lifetime: what is kept alive, for how long, and by whom."""

from __future__ import annotations

import gc
import pickle
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from torch import Tensor

from plugrad.testing.agree import agree_all
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.gradients import ruled_call
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.sparse import is_sparse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case
    from plugrad.testing.op_under_test import OpUnderTest


@LAWS.law("freed", "lifetime")
def freed(case: Case) -> None:
    """After a backward that does not retain the graph, what was saved is gone.

    Anything that a rule keeps outside ``save_for_backward`` stays in memory as long as the graph.
    """
    call, node = ruled_call(case)
    _refuse_tensor_attributes(call)
    mine = {id(t) for t in (*call.tensors, *call.input_tensors)}
    kept = [t for t in node.saved if isinstance(t, Tensor) and id(t) not in mine]
    # A sparse one is the sample's own, or the output that its elements were read of.
    saved = [weakref.ref(t) for t in kept if not is_sparse(t)]
    del kept
    targets = [call.variables[i] for i in case.wanted]
    with _no_collection():
        call.engine.grad(call.roots, call.cotangents(), targets, retain_graph=False)
        alive = [t for t in (reference() for reference in saved) if t is not None]
        if node.saved or alive:
            shapes = ", ".join(str(tuple(t.shape)) for t in alive)
            raise Violation(f"saved tensors outlive the backward: {shapes}")


def _refuse_tensor_attributes(call: Call) -> None:
    """What torch allows as an attribute of ctx; plugrad's engine refuses it by itself."""
    held = [n for n, v in call.node.attributes.items() if isinstance(v, Tensor) and v.numel()]
    if held:
        raise Violation(
            f"ctx.{held[0]} is a tensor: it is not freed by backward, and an in-place change of "
            "it is not noticed; use save_for_backward",
            tolerated=True,
        )


@LAWS.law("no-cycle", "lifetime")
def no_cycle(case: Case) -> None:
    """When the last output is dropped, the graph is freed at once, without the garbage collector.

    A reference cycle (an output kept on ``ctx``) would keep all its memory until a
    collection.
    """
    with _no_collection():
        # A backward may break a cycle that would otherwise stay.
        for run in (True, False):
            references = _references(case, run)
            if any(r() is not None for r in references):
                time.sleep(0.05)  # a thread of the op's own may let go a moment later
            alive = [r() for r in references if r() is not None]
            if alive:
                kind = type(alive[0]).__name__
                raise Violation(f"a {kind} of the graph outlives its last use: something holds it")


def _references(case: Case, run: bool) -> list[weakref.ref[Any]]:
    """Weak references to what a call and its backward made; nothing else is left of them."""
    call, _ = ruled_call(case)
    references: list[weakref.ref[Any]] = [weakref.ref(part) for part in call.engine.parts(call)]
    references += [weakref.ref(root) for root in call.roots]
    inputs = {id(t) for t in call.input_tensors}
    references += [weakref.ref(r.data) for r in call.roots if id(r.data) not in inputs]
    if run:
        call.engine.backward(call.roots, call.cotangents())
    return references


@contextmanager
def _no_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@LAWS.law("pickle", "lifetime", whole_op=True, engines=("plugrad",))
def pickles(op: OpUnderTest) -> None:
    """The op pickles: it can be sent to another process.

    It pickles by its class's name, so the class must be found under that name in its module.
    """
    function = op.function
    if "<locals>" in function.__qualname__ or function.__module__ == "__main__":
        raise NotApplicable("the class is local to a function or a notebook")
    found = getattr(sys.modules.get(function.__module__), function.__name__, None)
    if not op.declared and found is None:
        raise NotApplicable("the class is not an attribute of its module")
    try:
        again = pickle.loads(pickle.dumps(function))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise Violation(f"the class does not pickle: {error}") from error
    if again is not function:
        raise Violation(f"pickled and unpickled it is another class: {again!r}")


@cache
def _executor() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "plugrad-threads-law")


@LAWS.law("threads", "lifetime")
def threads(case: Case) -> None:
    """Two threads that run the op at once, or one forward and one backward, get what one does.

    State outside ``ctx`` is shared by all threads, or is only one's own.
    """
    call = refuse_undifferentiable(case)
    if case.draws:
        raise NotApplicable("the threads would share torch's generator")
    cotangents = call.cotangents()

    def gradients(call: Call) -> Any:
        # Each thread has its own cotangents: a rule that writes to them breaks the law
        # purity, not this one.
        return call.vjp([cotangent.clone() for cotangent in cotangents])

    expected = case.shared.gradients
    found: list[Any] = []

    def work(*calls: Call) -> None:
        try:
            found.extend([gradients(call) for call in calls])  # before a forward of its own
            found.append(gradients(case.call()))
        except BaseException as error:
            found.append(error)

    of_this_thread = case.call()
    # Short time slices, so that the threads really meet inside the op.
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        # The thread is kept, and given all at once: to start one, or to hand something over,
        # takes longer than the law.
        other = _executor().submit(work, of_this_thread)
        work()
        other.result()
    finally:
        sys.setswitchinterval(interval)
    for result in found:
        if isinstance(result, BaseException):
            raise result
        allowed = case.op.declaration.nondeterminism
        agree_all(
            case.inputs, expected, result, allowed, "in two threads the gradient is another one"
        )

"""Grad modes: no_grad, enable_grad, set_grad_enabled and inference_mode, in all their uses."""

from __future__ import annotations

import asyncio
import contextlib
import warnings

import pytest
import torch

from plugrad.tests.notes.engines import values

TORCH_NAMES = True


# --- what they mean ------------------------------------------------------------------


def test_nothing_is_recorded_in_no_grad(engine):
    x, y = engine.leaf([1.0]), engine.tensor([4.0])
    with engine.no_grad():
        w = x + y
    assert not w.requires_grad
    assert w.grad_fn is None
    with engine.raises(RuntimeError, "does not require grad"):
        w.backward()


def test_results_of_no_grad_are_constants_in_grad_mode(engine):
    x = engine.leaf([2.0])
    with engine.no_grad():
        factor = x * 10
    (factor * x).backward()
    assert values(x.grad) == [20]


def test_leaves_still_require_grad_in_no_grad(engine):
    x = engine.leaf([1.0])
    with engine.no_grad():
        assert x.requires_grad
        assert engine.leaf([1.0]).requires_grad


def test_enable_grad_records_inside_no_grad(engine):
    x = engine.leaf([1.0])
    with engine.no_grad(), engine.enable_grad():
        y = x * 2
    y.backward()
    assert values(x.grad) == [2]


def test_set_grad_enabled_is_a_context_manager_and_a_switch(engine):
    x = engine.leaf([1.0])
    with engine.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    with engine.set_grad_enabled(True):
        assert (x * 2).requires_grad
    with engine.set_grad_enabled(False):
        engine.set_grad_enabled(True)
        assert (x * 2).requires_grad
    assert engine.is_grad_enabled()


def test_the_mode_is_restored_after_an_error(engine):
    makers = (engine.no_grad, lambda: engine.set_grad_enabled(False), engine.inference_mode)
    for make in makers:
        with pytest.raises(ArithmeticError), make():
            raise ArithmeticError
        assert engine.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


def test_backward_runs_in_no_grad(engine):
    x = engine.leaf([2.0])
    y = x * x
    with engine.no_grad():
        y.backward()
    assert values(x.grad) == [4]


def test_create_graph_records_even_in_no_grad(engine):
    x = engine.leaf([2.0])
    y = x**3
    with engine.no_grad():
        (g,) = engine.grad(y, x, create_graph=True)
    assert values(engine.grad(g, x)[0]) == [12]


def test_rules_run_without_recording_unless_a_graph_is_made(engine):
    modes = []

    class Look(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            modes.append(engine.is_grad_enabled())
            return g * 2

    x = engine.leaf([1.0])
    y = Look.apply(x)
    y.backward(retain_graph=True)
    engine.grad(y, x, create_graph=True)
    assert modes == [False, True]


def test_a_functions_forward_runs_without_recording(engine):
    modes = []

    class Look(engine.Function):
        @staticmethod
        def forward(ctx, x):
            modes.append(engine.is_grad_enabled() and (x * 2).requires_grad)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    Look.apply(engine.leaf([1.0]))
    assert modes == [False]


def test_a_function_is_not_recorded_in_no_grad(engine):
    class Same(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1

        @staticmethod
        def backward(ctx, g):
            return g

    with engine.no_grad():
        y = Same.apply(engine.leaf([1.0]))
    assert not y.requires_grad
    assert y.grad_fn is None


def test_a_hook_runs_without_recording(engine):
    x, modes = engine.leaf([1.0]), []
    x.register_hook(lambda g: modes.append(engine.is_grad_enabled()))
    (x * 2).backward()
    assert modes == [False]


def _off_in_a_rule(engine):
    class Off(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            torch.set_grad_enabled(False)
            return g

    return Off.apply


def _off_in_a_hook(engine):
    def run(x):
        y = x * 1  # a hook and its node are one in torch: the rule of this one is not meant
        y.register_hook(lambda _: torch.set_grad_enabled(False) and None)
        return y * 1

    return run


@pytest.mark.parametrize("off", [_off_in_a_rule, _off_in_a_hook])
def test_a_mode_that_backward_changes_does_not_reach_the_next_node(engine, off):
    w, x = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    out = off(engine)(w**3) + x**3
    before = torch.is_grad_enabled()
    try:
        first = engine.grad(out.sum(), (w, x), create_graph=True)
        assert torch.is_grad_enabled() is before
    finally:
        torch.set_grad_enabled(before)
    second = engine.grad(first[0].sum() + first[1].sum(), (w, x))
    assert list(map(values, second)) == [[6, 12], [18, 24]]


def test_a_mode_that_a_hook_of_a_leaf_changes_does_not_reach_the_next_node(engine):
    modes = []
    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    for leaf in (x, y):
        leaf.register_hook(lambda _: (modes.append(torch.is_grad_enabled()), None)[1])
        leaf.register_post_accumulate_grad_hook(lambda _: torch.set_grad_enabled(True) and None)
    (x * y).backward()
    assert modes == [False, False]


# --- as decorators -------------------------------------------------------------------


def decorators(engine, name):
    """A mode as a decorator with and without brackets, and what it sets."""
    return {
        "no_grad()": (engine.no_grad(), False),
        "no_grad": (engine.no_grad, False),
        "enable_grad()": (engine.enable_grad(), True),
        "enable_grad": (engine.enable_grad, True),
        "set_grad_enabled(False)": (engine.set_grad_enabled, False),
        "inference_mode()": (engine.inference_mode(), False),
        "inference_mode": (engine.inference_mode, False),
    }[name]


NAMES = [
    "no_grad()",
    "no_grad",
    "enable_grad()",
    "enable_grad",
    "inference_mode()",
    "inference_mode",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_mode_decorates_a_function(engine, name):
    decorator, expected = decorators(engine, name)

    @decorator
    def double(x):
        assert engine.is_grad_enabled() == expected
        return x * 2

    assert double.__name__ == "double"
    for outside in (True, False):
        with engine.set_grad_enabled(outside):
            assert double(engine.leaf([1.0])).requires_grad == expected
            assert engine.is_grad_enabled() == outside


@pytest.mark.parametrize("name", NAMES)
def test_a_mode_decorates_a_method(engine, name):
    decorator, expected = decorators(engine, name)

    class Thing:
        @decorator
        def __init__(self):
            self.mode = engine.is_grad_enabled()

        @decorator
        def look(self):
            return engine.is_grad_enabled()

    assert Thing().mode == expected
    assert Thing().look() == expected
    assert engine.is_grad_enabled()


def test_set_grad_enabled_decorates_without_switching(engine):
    @engine.set_grad_enabled(False)
    def look():
        return engine.is_grad_enabled()

    assert engine.is_grad_enabled()
    assert not look()
    assert engine.is_grad_enabled()


def test_set_grad_enabled_made_before_it_decorates_takes_its_switch_back(engine):
    mode = engine.set_grad_enabled(False)
    assert not engine.is_grad_enabled()

    @mode
    def look():
        return engine.is_grad_enabled()

    assert engine.is_grad_enabled()
    assert not look()


@pytest.mark.parametrize("name", NAMES)
def test_a_mode_decorates_a_generator_and_its_caller_keeps_its_own(engine, name):
    decorator, expected = decorators(engine, name)

    @decorator
    def count():
        for i in range(3):
            assert engine.is_grad_enabled() == expected
            yield i
        assert engine.is_grad_enabled() == expected

    for outside in (True, False):
        seen = []
        with engine.set_grad_enabled(outside):
            for i in count():
                assert engine.is_grad_enabled() == outside
                seen.append(i)
        assert seen == [0, 1, 2]


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_decorated_generator_is_sent_values(engine, name):
    decorator, expected = decorators(engine, name)

    @decorator
    def echo():
        got = None
        for i in range(3):
            got = yield (i, got)
            assert engine.is_grad_enabled() == expected
        return "done"

    with engine.set_grad_enabled(not expected):
        generator, sent, seen = echo(), None, []
        with contextlib.suppress(StopIteration):
            while True:
                seen.append(generator.send(sent))
                assert engine.is_grad_enabled() != expected
                sent = len(seen)
    assert seen == [(0, None), (1, 1), (2, 2)]


# torch's own call of throw, on Python 3.12 and later.
@pytest.mark.filterwarnings("ignore:the .type, exc, tb. signature of throw:DeprecationWarning")
@pytest.mark.parametrize("name", NAMES[:4])
def test_a_decorated_generator_is_thrown_errors(engine, name):
    decorator, expected = decorators(engine, name)

    class RecoverableError(Exception):
        pass

    class OtherError(Exception):
        pass

    @decorator
    def stubborn():
        for i in range(3):
            try:
                yield i
            except RecoverableError:  # noqa: PERF203
                assert engine.is_grad_enabled() == expected
                yield -i
            except ArithmeticError:
                assert engine.is_grad_enabled() == expected
                raise OtherError from None

    with engine.set_grad_enabled(not expected):
        generator = stubborn()
        assert next(generator) == 0
        assert next(generator) == 1
        assert generator.throw(RecoverableError()) == -1
        assert next(generator) == 2
        with pytest.raises(OtherError):
            generator.throw(ArithmeticError())
        assert engine.is_grad_enabled() != expected


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_decorated_generator_is_closed_in_its_mode(engine, name):
    decorator, expected = decorators(engine, name)
    modes = []

    @decorator
    def counting():
        try:
            yield 1
            yield 2
        except GeneratorExit:
            modes.append(engine.is_grad_enabled())
            raise

    with engine.set_grad_enabled(not expected):
        generator = counting()
        next(generator)
        generator.close()
    assert modes == [expected]


def test_decorated_functions_that_call_each_other_keep_their_callers_modes(engine):
    @engine.enable_grad()
    def on(depth):
        assert engine.is_grad_enabled()
        if depth:
            off(depth - 1)
            assert engine.is_grad_enabled()

    @engine.no_grad()
    def off(depth):
        assert not engine.is_grad_enabled()
        if depth:
            on(depth - 1)
            assert not engine.is_grad_enabled()

    for outside in (True, False):
        with engine.set_grad_enabled(outside):
            on(6)
            off(6)
            assert engine.is_grad_enabled() == outside


def test_one_context_manager_can_be_entered_again(engine):
    mode = engine.no_grad()
    for _ in range(2):
        with mode:
            assert not engine.is_grad_enabled()
        assert engine.is_grad_enabled()
    with mode:
        assert not engine.is_grad_enabled()


def test_decorating_a_class_is_deprecated(engine):
    with pytest.warns(FutureWarning, match="Decorating classes is deprecated"):

        @engine.no_grad()
        class Thing:
            def look(self):
                return engine.is_grad_enabled()

    assert Thing().look()


def test_decorating_functions_and_methods_is_not(engine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        @engine.no_grad()
        def function():
            return engine.is_grad_enabled()

    assert not function()


def test_a_mode_in_a_coroutine_does_not_leak_when_it_is_awaited_to_the_end(engine):
    async def look():
        with engine.no_grad():
            return engine.is_grad_enabled()

    assert not asyncio.run(look())
    assert engine.is_grad_enabled()


# --- inference mode ------------------------------------------------------------------


def test_nothing_is_recorded_in_inference_mode(engine):
    x = engine.leaf([2.0])
    with engine.inference_mode():
        assert torch.is_inference_mode_enabled()
        assert not engine.is_grad_enabled()
        y = x * x
        assert not y.requires_grad
        assert y.grad_fn is None
    assert not torch.is_inference_mode_enabled()
    assert values(y) == [4]


def test_inference_mode_false_records(engine):
    x = engine.leaf([2.0])
    with engine.inference_mode():
        with engine.inference_mode(False):
            assert not torch.is_inference_mode_enabled()
            assert (x * x).requires_grad
        assert torch.is_inference_mode_enabled()


@pytest.mark.parametrize("mode", [True, False])
def test_inference_mode_decorates_with_its_argument(engine, mode):
    @engine.inference_mode(mode)
    def square(x):
        assert torch.is_inference_mode_enabled() == mode
        return x * x

    @engine.inference_mode(mode=mode)
    def cube(x):
        return x * x * x

    for function in (square, cube):
        assert function(engine.leaf([2.0])).requires_grad != mode


def test_tensors_made_in_inference_mode_are_inference_tensors(engine):
    with engine.inference_mode():
        x = engine.tensor([1.0, 2.0])
        assert x.is_inference()
        assert (x * 2).is_inference()
        assert x.view(2, 1).is_inference()
        x.add_(1)
        assert x.is_inference()
    assert not engine.tensor([1.0]).is_inference()
    assert values(x) == [2, 3]


def test_an_inference_tensor_has_no_version(engine):
    with engine.inference_mode():
        x = engine.tensor([1.0])
    with engine.raises(RuntimeError, "Inference tensors do not track version counter"):
        x._version  # noqa: B018


def test_results_of_an_inference_tensor_outside_are_ordinary_constants(engine):
    with engine.inference_mode():
        x = engine.tensor([1.0])
    y = x * 3
    assert not y.is_inference()
    assert not y.requires_grad
    assert y.is_leaf


def test_an_inference_tensor_cannot_be_changed_outside(engine):
    with engine.inference_mode():
        x = engine.tensor([1.0])
    with engine.raises(RuntimeError, "Inplace update to inference tensor outside InferenceMode"):
        x.add_(1)
    if engine.ours:  # torch refuses after it has written
        assert values(x) == [1]


@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.transpose_(0, 1),
        lambda x: x.transpose_(0, 0),
        lambda x: x.swapaxes_(0, 1),
        lambda x: x.t_(),
        lambda x: x.squeeze_(0),
        lambda x: x.unsqueeze_(0),
        lambda x: x.as_strided_((2,), (1,)),
        lambda x: x.set_(torch.zeros(3, dtype=torch.float64)),
        lambda x: x.set_(),
    ],
)
def test_the_shape_of_an_inference_tensor_cannot_be_changed_outside(engine, change, requires_grad):
    with engine.inference_mode():
        x = engine.tensor([[1.0, 2.0, 3.0]]).requires_grad_(requires_grad)
    with engine.raises(RuntimeError, "InferenceMode|requires? grad"):
        change(x)
    if engine.ours:  # torch refuses after it has changed it
        assert x.shape == (1, 3)
    with engine.inference_mode():
        change(x)


def test_an_inference_tensor_that_requires_grad_can_be_resized_inside(engine):
    with engine.inference_mode():
        x = engine.leaf([[1.0, 2.0, 3.0]])
        x.resize_(1, 2)
    assert values(x) == [[1, 2]]
    assert x.requires_grad


def test_an_inference_tensor_cannot_be_saved_for_backward(engine):
    w = engine.leaf([2.0])
    with engine.inference_mode():
        x = engine.tensor([3.0])
    with engine.raises(RuntimeError, "Inference tensors cannot be saved for backward"):
        x * w
    (x + w).backward()  # a sum saves nothing
    assert values(w.grad) == [1]
    (x.clone() * w).backward()
    assert values(w.grad) == [4]


def test_a_change_in_inference_mode_of_a_normal_tensor_is_noticed(engine):
    s = engine.leaf([1.0, 2.0])
    a = s.clone()
    out = a * a
    with engine.inference_mode():
        a.add_(2)
    assert not a.is_inference()
    with engine.raises(RuntimeError, "modified by an inplace operation"):
        out.sum().backward()


@pytest.mark.parametrize("requires_grad", [True, False])
def test_a_view_of_a_normal_tensor_in_inference_mode_is_normal(engine, requires_grad):
    a = engine.tensor([1.0, 2.0]).requires_grad_(requires_grad).clone()
    with engine.inference_mode():
        view = a.view(2, 1)
        assert not view.is_inference()
        assert view._is_view()
        assert view.requires_grad == requires_grad
        view.add_(2)
        assert values(a) == [3, 4]
        assert a._version == view._version == 1


def test_a_view_made_in_inference_mode_cannot_be_changed_outside(engine):
    a = engine.leaf([1.0, 2.0]).clone()
    with engine.inference_mode():
        view = a.view(2, 1)
    with engine.raises(RuntimeError, "A view was created in inference mode"):
        view.add_(2)
    assert values(a) == [1, 2]


def test_a_view_made_in_inference_mode_of_a_base_that_was_changed_since_has_no_grad_fn(engine):
    a = engine.leaf([1.0, 2.0]).clone()
    with engine.inference_mode():
        view = a.view(2, 1)
    a.add_(2)
    with engine.raises(RuntimeError, "A view was created in inference mode and its base"):
        view.grad_fn  # noqa: B018


def test_a_view_of_a_constant_made_in_inference_mode_can_be_changed_outside(engine):
    a = engine.tensor([1.0, 2.0])
    with engine.inference_mode():
        view = a.view(2, 1)
    view.add_(2)
    assert values(a) == [3, 4]

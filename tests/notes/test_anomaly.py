"""Anomaly mode: an error or a nan in backward is traced to the forward call that it comes from."""

from __future__ import annotations

import gc
import warnings
import weakref

import pytest
import torch

from plugrad.tests.notes.engines import failing, newer_torch, report, values

TORCH_NAMES = True


def nan_maker(engine):
    """A Function whose backward returns nan for its first or its second input."""

    class NanMaker(engine.Function):
        @staticmethod
        def forward(ctx, x, y, which):
            ctx.which = which
            return x + y

        @staticmethod
        def backward(ctx, g):
            bad = g * float("nan")
            return (bad, g, None) if ctx.which == 0 else (g, bad, None)

    return NanMaker


def a_line_of_forward(engine, x, which=0):
    return nan_maker(engine).apply(x, x, which)


def test_without_it_a_nan_passes(engine):
    x = engine.leaf([1.0])
    a_line_of_forward(engine, x).backward()
    assert values(x.grad)[0] != values(x.grad)[0]


@pytest.mark.parametrize("which", [0, 1])
def test_a_nan_is_an_error_that_names_the_function_and_the_output(engine, which):
    x = engine.leaf([1.0])

    def run():
        with engine.detect_anomaly():
            a_line_of_forward(engine, x, which).backward()

    error, _ = report(run)
    assert isinstance(error, RuntimeError)
    assert "NanMaker" in str(error)
    assert "nan" in str(error)
    assert str(which) in str(error)
    assert x.grad is None


def test_the_line_of_forward_is_told(engine):
    x = engine.leaf([1.0])

    def run():
        with engine.detect_anomaly():
            a_line_of_forward(engine, x).backward()

    _, said = report(run)
    assert "a_line_of_forward" in said
    assert "test_anomaly.py" in said


def test_a_forward_outside_of_it_has_no_line_to_tell(engine):
    x = engine.leaf([1.0])
    out = a_line_of_forward(engine, x)

    def run():
        with engine.detect_anomaly():
            out.backward()

    error, said = report(run)
    assert isinstance(error, RuntimeError)
    assert "No forward pass information" in said


def test_a_nan_of_a_built_in_op_is_found(engine):
    x = engine.leaf([0.0])

    def run():
        with engine.detect_anomaly():
            (x.sqrt() * 0).sum().backward()

    error, said = report(run)
    assert isinstance(error, RuntimeError)
    assert "sqrt" in str(error).lower()
    assert "test_anomaly.py" in said


def test_an_error_in_a_rule_is_traced_to_its_forward(engine):
    x = engine.leaf([1.0])

    def the_line(x):
        return failing(engine).apply(x)

    def run():
        with engine.detect_anomaly():
            the_line(x).backward()

    error, said = report(run)
    assert isinstance(error, ArithmeticError)
    assert "on purpose" in str(error)
    assert "the_line" in said


def test_a_changed_saved_tensor_is_traced_to_the_op_that_saved_it(engine):
    x = engine.leaf([1.0, 2.0])

    def the_line(d):
        return d**2

    def run():
        with engine.detect_anomaly():
            d1 = x + 1
            d2 = the_line(d1)
            d1 += 1
            engine.grad(d2.sum(), x)

    error, said = report(run)
    assert isinstance(error, RuntimeError)
    assert "pow" in said.lower()
    assert "the_line" in said


# --- what is warned of ---------------------------------------------------------------


def warned(call):
    """What UserWarnings a call that fails gives, other than that the mode is on."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises((RuntimeError, ArithmeticError)):
            call()
    texts = [str(w.message) for w in caught if w.category is UserWarning]
    return [t for t in texts if not t.startswith(("Anomaly Detection", "Using backward"))]


KINDS = {
    "nan": lambda engine, x: nan_maker(engine).apply(x, x, 0),
    "error": lambda engine, x: failing(engine).apply(x),
    "changed": lambda engine, x: changed_after(x.exp()),
    "hook": lambda engine, x: with_a_hook_that_fails(x.sin()),
}


def changed_after(y):
    z = y.exp()
    z.detach().mul_(2)
    return z


def with_a_hook_that_fails(y):
    def hook(g):
        raise ArithmeticError("on purpose")

    y.register_hook(hook)
    return y


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_warned_of_the_forward_call(engine, kind):
    def run():
        with engine.detect_anomaly():
            KINDS[kind](engine, engine.leaf([1.0])).sum().backward()

    (text,) = warned(run)
    first, _, stack = text.partition("\n")
    assert first.startswith("Error detected in ")
    assert first.endswith(". Traceback of forward call that caused the error:")
    assert "KINDS[kind](engine, engine.leaf([1.0]))" in stack


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_warned_that_the_forward_call_is_not_known(engine, kind):
    out = KINDS[kind](engine, engine.leaf([1.0])).sum()

    def run():
        with engine.detect_anomaly():
            out.backward()

    (text,) = warned(run)
    assert text.startswith("Error detected in ")
    assert "No forward pass information available. Enable detect anomaly during forward" in text


def test_without_the_mode_nothing_is_warned_of(engine):
    assert warned(lambda: failing(engine).apply(engine.leaf([1.0])).backward()) == []
    x = engine.leaf([1.0])
    with engine.detect_anomaly():
        out = failing(engine).apply(x)
    assert warned(out.backward) == []


def test_a_warning_that_is_an_error_does_not_hide_what_was_raised(engine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Anomaly Detection")
        with engine.detect_anomaly(), pytest.raises(ArithmeticError, match="on purpose"):
            failing(engine).apply(engine.leaf([1.0])).backward()


@newer_torch
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_it_is_warned_of_the_call_whose_backward_made_the_call(engine, where):
    x, outer = engine.leaf([1.0]), nested(engine)

    def the_line(x):
        return outer.apply(x)

    def run():
        y = the_line(x) if where == "outside" else None
        with engine.detect_anomaly():
            y = the_line(x) if y is None else y
            (g,) = engine.grad(y, x, create_graph=True)
            g.sum().backward()

    first, second = warned(run)
    assert first.startswith("Error detected in Inner")
    assert "Traceback of forward call that caused the error" in first
    if where == "inside":
        assert second.startswith("\n\nPrevious calculation was induced by Outer")
        assert "the_line" in second.partition("induced the previous calculation:\n")[2]
    else:
        assert second.startswith("Error detected in Outer")
        assert "No forward pass information available" in second


def test_what_to_do_about_a_nan_depends_on_what_is_known(engine):
    if not engine.ours:
        pytest.skip("torch says no more")
    x = engine.leaf([1.0])
    out = a_line_of_forward(engine, x)
    with engine.detect_anomaly():
        with pytest.raises(RuntimeError, match="fix: run forward in plugrad.detect_anomaly"):
            out.backward(retain_graph=True)
        error, said = report(lambda: a_line_of_forward(engine, x).backward())
    assert "fix: look at the values that forward was given, in the call shown below" in str(error)
    assert "a_line_of_forward" in said


def test_check_nan_can_be_turned_off_and_on_again(engine):
    x = engine.leaf([1.0])
    with engine.detect_anomaly(check_nan=False):
        out = a_line_of_forward(engine, x)
        out.backward(retain_graph=True)
        with engine.detect_anomaly(check_nan=True):
            error, _ = report(lambda: out.backward(retain_graph=True))
            assert isinstance(error, RuntimeError)
        out.backward()


def test_it_ends_with_its_block(engine):
    with engine.detect_anomaly():
        pass
    a_line_of_forward(engine, engine.leaf([1.0])).backward()


def test_it_ends_with_its_block_after_an_error(engine):
    with pytest.raises(ArithmeticError), engine.detect_anomaly():
        raise ArithmeticError
    a_line_of_forward(engine, engine.leaf([1.0])).backward()


def test_it_can_be_set_for_good(engine):
    x = engine.leaf([1.0])
    engine.set_detect_anomaly(True)
    try:
        error, _ = report(lambda: a_line_of_forward(engine, x).backward())
    finally:
        engine.set_detect_anomaly(False)
    assert isinstance(error, RuntimeError)
    a_line_of_forward(engine, x).backward()


def test_setting_it_is_a_context_manager_too(engine):
    x = engine.leaf([1.0])
    with engine.set_detect_anomaly(True):
        error, _ = report(lambda: a_line_of_forward(engine, x).backward())
        with engine.set_detect_anomaly(False):
            a_line_of_forward(engine, x).backward()
    assert isinstance(error, RuntimeError)
    a_line_of_forward(engine, x).backward()


def test_right_gradients_pass_through_it_unchanged(engine):
    x = engine.leaf([1.0, 2.0])
    with engine.detect_anomaly():
        (x * x).sum().backward()
    assert values(x.grad) == [2, 4]


def test_infinities_are_no_nan(engine):
    x = engine.leaf([0.0])
    with engine.detect_anomaly():
        x.sqrt().sum().backward()
    assert values(x.grad) == [float("inf")]


def test_grad_checks_too(engine):
    x = engine.leaf([1.0])

    def run():
        with engine.detect_anomaly():
            engine.grad(a_line_of_forward(engine, x), x)

    assert isinstance(report(run)[0], RuntimeError)


def nested(engine):
    class Inner(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * float("nan")

    class Outer(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return Inner.apply(g * x)

    return Outer


@newer_torch
def test_a_nan_of_a_second_derivative_is_traced_to_both_forward_calls(engine):
    x = engine.leaf([1.0])
    outer = nested(engine)

    def the_line(x):
        return outer.apply(x)

    def run():
        with engine.detect_anomaly():
            (g,) = engine.grad(the_line(x), x, create_graph=True)
            g.sum().backward()

    error, said = report(run)
    assert isinstance(error, RuntimeError)
    assert "Inner" in str(error)
    assert "the_line" in said


def test_it_keeps_no_graph_alive(engine):
    class Sentinel:
        pass

    def scope():
        x = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
        y = x.exp()
        with engine.detect_anomaly():
            engine.grad(y, x, torch.ones_like(y), create_graph=True)
        sentinel = Sentinel()
        y.grad_fn.metadata["mine"] = sentinel
        return y, weakref.ref(sentinel)

    y, reference = scope()
    gc.collect()
    assert reference() is not None
    del y
    gc.collect()
    assert reference() is None


def test_a_nodes_metadata_has_the_stack_of_its_forward(engine):
    with engine.detect_anomaly():
        y = engine.leaf([1.0]).exp()
    assert "engine.leaf([1.0]).exp()" in y.grad_fn.metadata["traceback_"][-1]
    assert "traceback_" not in engine.leaf([1.0]).exp().grad_fn.metadata

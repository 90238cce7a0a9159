"""Anomaly mode: an error or a nan in backward is traced to the forward call that it comes from."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from plugrad.tests.notes.engines import newer_torch, report, values

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
    assert "No forward pass information" in said or engine.ours


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
    class Fails(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            raise ArithmeticError("on purpose")

    x = engine.leaf([1.0])

    def the_line(x):
        return Fails.apply(x)

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

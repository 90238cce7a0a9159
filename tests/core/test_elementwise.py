"""Elementwise: the rule that is made of a value and a slope, beside torch's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import plugrad as pg
from plugrad.errors import ContextError, OpDefinitionError, SavedTensorChangedError


def sine_from(**body):
    """A sine that is given only ``body``."""
    return type("Sine", (pg.Elementwise,), {"__module__": __name__, **body})


class FromX(pg.Elementwise):
    value = staticmethod(torch.sin)

    @staticmethod
    def slope(x, y):
        return x.cos()


class FromY(pg.Elementwise):
    needs = "y"
    value = staticmethod(torch.tanh)

    @staticmethod
    def slope(x, y):
        return 1 - y * y


class FromBoth(pg.Elementwise):
    """y = x exp(x)."""

    needs = "xy"

    @staticmethod
    def value(x):
        return x * torch.exp(x)

    @staticmethod
    def slope(x, y):
        return x.exp() + y


@pg.op("sine", reference=torch.sin, elementwise=True)
class Sine(FromX):
    """y = sin(x);  gx = gy conj(cos(x))."""

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3, 4))
        yield pg.Sample(make.complex(5))
        yield pg.Sample(make())
        yield pg.Sample(make(0, 3))
        yield pg.Sample(make.tensor([0.0, -0.0, 0.5]))


OPS = {FromX: torch.sin, FromY: torch.tanh, FromBoth: lambda x: x * x.exp()}
DTYPES = (torch.float64, torch.complex128)


def values(dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(5, generator=generator, dtype=dtype)


def pair(dtype):
    x = values(dtype)
    return pg.Variable(x, requires_grad=True), x.clone().requires_grad_()


# --- the rule ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("function", OPS, ids=lambda f: f.__name__)
def test_value_and_gradient_are_torchs(function, dtype):
    (x, tx), gy = pair(dtype), values(dtype, 1)
    y, ty = function.apply(x), OPS[function](tx)
    y.backward(gy)
    ty.backward(gy)
    torch.testing.assert_close(y.data, ty.detach())
    torch.testing.assert_close(x.grad.data, tx.grad)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("function", OPS, ids=lambda f: f.__name__)
def test_the_second_derivative_is_torchs(function, dtype):
    (x, tx), gy, ggx = pair(dtype), values(dtype, 1), values(dtype, 2)
    (gx,) = pg.grad(function.apply(x), x, gy, create_graph=True)
    (tgx,) = torch.autograd.grad(OPS[function](tx), tx, gy, create_graph=True)
    (got,) = pg.grad(gx, x, ggx)
    (expected,) = torch.autograd.grad(tgx, tx, ggx)
    torch.testing.assert_close(got.data, expected)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("function", OPS, ids=lambda f: f.__name__)
def test_the_jvp_is_torchs(function, dtype):
    (x, tx), v = pair(dtype), values(dtype, 1)
    node = function.apply(x).grad_fn
    (gx,) = torch.autograd.grad(OPS[function](tx), tx, torch.ones_like(tx))
    torch.testing.assert_close(function.jvp(node, v).data, v * gx.conj())


def test_only_what_is_needed_is_saved():
    for function, count in ((FromX, 1), (FromY, 1), (FromBoth, 2)):
        x, _ = pair(torch.float64)
        y = function.apply(x)
        saved = y.grad_fn.saved_tensors
        assert len(saved) == count
        assert torch.equal(saved[-1].data, (x if function is FromX else y).data)


@pytest.mark.parametrize("function", OPS, ids=lambda f: f.__name__)
def test_a_recorded_call_computes_the_value_and_needs_no_forward(function):
    """That is a tenth of the time of a small op."""
    callers = []

    def value(x):
        callers.append(sys._getframe(1).f_code.co_filename)
        return function.value(x)

    own = type(function.__name__, (function,), {"value": staticmethod(value)})
    x, tx = pair(torch.float64)
    own.apply(x).sum().backward()
    OPS[function](tx).sum().backward()
    torch.testing.assert_close(x.grad.data, tx.grad)
    assert [Path(name).name for name in callers] == ["value_gate.py"]


def test_a_slope_that_is_a_number():
    doubled = sine_from(value=lambda x: 2 * x, slope=lambda x, y: 2)
    turned = sine_from(value=lambda x: 1j * x, slope=lambda x, y: 1j)
    x, gy = pg.Variable(values(torch.complex128), requires_grad=True), values(torch.complex128, 1)
    assert torch.equal(pg.grad(doubled.apply(x), x, gy)[0].data, 2 * gy)
    assert torch.equal(pg.grad(turned.apply(x), x, gy)[0].data, -1j * gy)


def test_an_op_made_so_obeys_the_laws():
    report = pg.testing.check_op(Sine)
    assert report.passed, str(report)
    assert {r.status for r in report if r.law == "jvp"} == {"passed"}


# --- how it is written ---------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [lambda f: f, staticmethod, lambda f: classmethod(lambda cls, *args: f(*args))],
    ids=["lambda", "staticmethod", "classmethod"],
)
def test_value_and_slope_can_be_any_function(written):
    sine = sine_from(value=written(lambda x: x.sin()), slope=written(lambda x, y: x.cos()))
    x, tx = pair(torch.float64)
    sine.apply(x).sum().backward()
    assert torch.equal(x.grad.data, tx.detach().cos())


def test_the_methods_look_as_if_written_in_the_class():
    for name in ("forward", "backward", "jvp"):
        method = getattr(FromX, name)
        assert method.__qualname__ == f"FromX.{name}"
        assert method.__module__ == __name__
    assert FromX.signature.positional == ("x",)


def test_a_method_in_the_class_is_kept():
    def backward(ctx, gy):
        return gy * 7

    sine = sine_from(value=torch.sin, slope=lambda x, y: x.cos(), backward=staticmethod(backward))
    x, tx = pair(torch.float64)
    y = sine.apply(x)
    y.sum().backward(retain_graph=True)
    assert sine.backward is backward
    assert torch.equal(x.grad.data, torch.full((5,), 7.0, dtype=torch.float64))
    assert torch.equal(sine.jvp(y.grad_fn, torch.ones(5)).data, tx.detach().cos())


def test_a_subclass_inherits_or_changes_its_parts():
    class Same(FromX):
        pass

    class Minus(FromX):
        @staticmethod
        def slope(x, y):
            return -x.cos()

    x, tx = pair(torch.float64)
    cosine = tx.detach().cos()
    assert Same.backward is FromX.backward
    assert torch.equal(pg.grad(Same.apply(x).sum(), x)[0].data, cosine)
    assert torch.equal(pg.grad(Minus.apply(x).sum(), x)[0].data, -cosine)


def test_a_built_in_one_works_in_place():
    x, tx = pair(torch.float64)
    y = (x * 1).sin_()
    ty = (tx * 1).sin_()
    y.sum().backward()
    ty.sum().backward()
    assert torch.equal(x.grad.data, tx.grad)


# --- what is refused -----------------------------------------------------------------


@pytest.mark.parametrize("needs", ["z", "yx", "", None, ["x", "y"], ("x",)], ids=repr)
def test_wrong_needs(needs):
    message = r'Sine has needs = .*\n *fix: write needs = "x", "y" or "xy"'
    with pytest.raises(OpDefinitionError, match=message):
        sine_from(value=torch.sin, slope=lambda x, y: x.cos(), needs=needs)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"value": torch.sin}, r"Sine has no slope\n *fix: .*def slope\(x, y\)"),
        ({"slope": lambda x, y: x.cos()}, r"Sine has no value\n *fix: .*def value\(x\)"),
        ({}, "Sine has no value"),
    ],
    ids=["slope", "value", "both"],
)
def test_a_part_is_missing(body, message):
    with pytest.raises(OpDefinitionError, match=message):
        sine_from(**body)


@pytest.mark.parametrize("slope", [1.0, lambda x: x.cos(), lambda: 1, lambda x, y, z: 1])
def test_a_slope_that_takes_something_else(slope):
    message = r"Sine.slope cannot be called as slope\(x, y\)\n *fix: write @staticmethod"
    with pytest.raises(OpDefinitionError, match=message):
        sine_from(value=torch.sin, slope=slope)


def test_a_value_that_takes_something_else():
    with pytest.raises(OpDefinitionError, match=r"Sine.value cannot be called as value\(x\)"):
        sine_from(value=lambda x, y: x, slope=lambda x, y: 1)


# Some of these would give a gradient, a wrong one, if y were None.
USES = {
    "product": lambda x, y: x * y,
    "minus": lambda x, y: 1 - y * y,
    "negative": lambda x, y: -y,
    "itself": lambda x, y: y,
    "truth": lambda x, y: x if y else -x,
    "unequal": lambda x, y: (y != 0) * x,
    "less": lambda x, y: (x > y) * x,
    "method": lambda x, y: y.exp(),
    "function": lambda x, y: torch.exp(y),
    "list": lambda x, y: torch.stack([x, y]).sum(0),
    "where": lambda x, y: torch.where(x > 0, x, y),
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("use", USES)
def test_slope_cannot_use_what_it_does_not_need(use, create_graph):
    x, _ = pair(torch.float64)
    y = sine_from(value=torch.sin, slope=USES[use]).apply(x)
    message = r"Sine.slope uses y, which is not saved: needs = 'x'\n.*fix: write needs = \"y\""
    with pytest.raises(OpDefinitionError, match=message):
        y.sum().backward(create_graph=create_graph)


def test_slope_cannot_use_x_where_it_needs_y():
    x, _ = pair(torch.float64)
    sine = sine_from(value=torch.sin, slope=lambda x, y: x.cos(), needs="y")
    y = sine.apply(x)
    with pytest.raises(OpDefinitionError, match=r"uses x, which is not saved: needs = 'y'"):
        y.sum().backward()
    with pytest.raises(OpDefinitionError, match='fix: write needs = "x"'):
        sine.jvp(y.grad_fn, torch.ones(5))


def test_a_value_that_changes_x_is_refused_in_backward():
    x, _ = pair(torch.float64)
    y = sine_from(value=lambda x: x.add_(1).sin(), slope=lambda x, y: x.cos()).apply(x * 1)
    with pytest.raises(SavedTensorChangedError, match="Sine saved"):
        y.sum().backward()


def test_a_value_that_raises_is_named():
    x, _ = pair(torch.float64)
    unfit = sine_from(value=lambda x: x @ torch.ones(7), slope=lambda x, y: x)
    with pytest.raises(RuntimeError, match="same dtype") as raised:
        unfit.apply(x)
    notes = "".join(getattr(raised.value, "__notes__", ["where: a call of Sine"]))  # from 3.11
    assert "where: a call of Sine" in notes
    assert raised.value.__context__ is None


@pytest.mark.parametrize("needs", ["x", "y", "xy"])
def test_what_was_changed_before_it_was_saved_is_not_called_changed(needs):
    doubled = sine_from(
        value=lambda x: x.clone().mul_(2), slope=lambda x, y: torch.full((5,), 2.0), needs=needs
    )
    x, _ = pair(torch.float64)
    doubled.apply((x * 1).add_(1)).sum().backward()
    assert x.grad.tolist() == [2] * 5


@pytest.mark.parametrize("needs", ["x", "y", "xy"])
def test_a_value_may_be_x_itself_or_a_view_of_it(needs):
    for value in (lambda x: x, lambda x: x[:]):
        x, theirs = pair(torch.float64)
        same = sine_from(value=value, slope=lambda x, y: torch.ones(5), needs=needs)
        y = same.apply(x)
        assert y._is_view()
        y.sum().backward()
        assert torch.equal(y.data, theirs)
        assert torch.equal(x.grad.data, torch.ones(5, dtype=torch.float64))


def test_a_value_that_torch_records_leaves_no_graph_behind():
    p = torch.full((5,), 2.0, dtype=torch.float64, requires_grad=True)
    scaled = sine_from(value=lambda x: x * p, slope=lambda x, y: 2.0)
    x, theirs = pair(torch.float64)
    y = scaled.apply(x)
    assert not y.data.requires_grad
    assert torch.equal(y.data, 2 * theirs.detach())
    y.sum().backward()
    assert torch.equal(x.grad.data, torch.full_like(theirs, 2.0))
    assert p.grad is None


def test_an_own_forward_is_what_is_called():
    class Doubled(FromX):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return 2 * torch.sin(x)

    x, theirs = pair(torch.float64)
    assert torch.equal(Doubled.apply(x).data, 2 * theirs.sin())
    assert torch.equal(FromX.apply(x).data, theirs.sin())


def test_an_own_forward_of_a_class_before_it_is_what_is_called():
    class Doubled(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return 2 * torch.sin(x)

    mixed = type("Mixed", (Doubled, FromX), {})
    x, theirs = pair(torch.float64)
    assert torch.equal(mixed.apply(x).data, 2 * theirs.sin())


def test_an_inference_tensor_is_refused():
    with torch.inference_mode():
        data = torch.ones(3)
        x = pg.Variable(data, requires_grad=True)
    for function in (FromX, FromBoth):
        with pytest.raises(ContextError, match="Inference tensors cannot be saved"):
            function.apply(x)

"""Ops as functions on torch's tensors: torch's autograd, torch.func and gradcheck take them."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import plugrad as pg
from plugrad import errors
from plugrad.interop import to_torch

# torch's own, where it imports its rules for forward mode.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")


def leaf(*shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=dtype, requires_grad=True)


@pg.op("local_cube")
class Cube(pg.Function):
    """y = x^3;  gx = 3 x^2 gy. A user's own, which no registry has."""

    @staticmethod
    def forward(ctx, x, scale=1.0):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return scale * x**3

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 3 * ctx.scale * x**2 * gy


CALLS = {
    "sin": lambda f, x: f(x),
    "mul": lambda f, x: f(x, x[0]),
    "cat": lambda f, x: f([x, x], dim=1),
    "var_mean": lambda f, x: f(x, dim=1, keepdim=True),
    "transpose": lambda f, x: f(x, 0, 1),
    "linalg.vector_norm": lambda f, x: f(x, 3),
    "nn.functional.gelu": lambda f, x: f(x, approximate="tanh"),
    "getitem": lambda f, x: f(x, (slice(None), torch.tensor([0, 2, 0]))),
    "contiguous": lambda f, x: f(x),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradcheck_and_gradgradcheck_pass(name, dtype):
    if dtype.is_complex and name == "nn.functional.gelu":
        pytest.skip("torch's gelu takes no complex numbers")
    function = to_torch(name)
    x = leaf(3, 4, dtype=dtype)
    assert gradcheck(lambda x: CALLS[name](function, x), x, check_forward_ad=True)
    assert gradgradcheck(lambda x: CALLS[name](function, x), x)


@pytest.mark.filterwarnings("ignore:Please use `torch.vmap`:FutureWarning")  # torch 2.6's own
def test_batched_gradients():
    function = to_torch("mul")
    assert gradcheck(function, (leaf(3), leaf(2, 3)), check_batched_grad=True)


def test_a_class_of_the_users():
    function = to_torch(Cube)
    x = leaf(3)
    assert function.__name__ == "local_cube"
    assert gradcheck(lambda x: function(x, scale=2.0), x)
    (first,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = torch.autograd.grad(second.sum(), x)
    torch.testing.assert_close(third, torch.full((3,), 6.0, dtype=torch.float64))


def test_the_rule_is_plugrads_own():
    @pg.op("local_tripled")
    class Tripled(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            return 3 * gy

    x = leaf(2)
    to_torch(Tripled)(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_torch_func_takes_it():
    sine, product = to_torch("sin"), to_torch("mul")
    x = leaf(4).detach()
    torch.testing.assert_close(torch.func.grad(lambda x: sine(x).sum())(x), x.cos())
    torch.testing.assert_close(torch.func.vmap(sine)(x), x.sin())
    value, tangent = torch.func.jvp(sine, (x,), (2 * torch.ones_like(x),))
    torch.testing.assert_close(tangent, 2 * x.cos())
    torch.testing.assert_close(value, x.sin())
    hessian = torch.func.hessian(lambda x: sine(x).sum())(x)
    torch.testing.assert_close(hessian, (-x.sin()).diag())
    each = torch.func.vmap(torch.func.grad(lambda a, b: product(a, b).sum()))
    torch.testing.assert_close(each(x.view(2, 2), 3 * x.view(2, 2)), 3 * x.view(2, 2))


def test_random_ops_draw_once():
    function = to_torch("nn.functional.dropout")
    x = leaf(20)
    torch.manual_seed(0)
    y = function(x, 0.5)
    after = torch.rand(1)
    torch.manual_seed(0)
    torch.testing.assert_close(y, torch.nn.functional.dropout(x, 0.5))
    assert torch.equal(torch.rand(1), after)
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    torch.testing.assert_close(g, y / x)


def test_outputs_without_gradient():
    values, places = to_torch("max")(leaf(3, 4), dim=1)
    assert values.requires_grad
    assert not places.requires_grad
    assert not to_torch("eq")(leaf(3), 0.0).requires_grad


def test_without_a_graph_nothing_is_kept():
    x = leaf(3)
    with torch.no_grad():
        assert not to_torch("sin")(x).requires_grad
    assert isinstance(to_torch("sin")(x.detach()), torch.Tensor)


def test_a_change_of_a_saved_input_is_noticed():
    x = leaf(3)
    z = x * 1
    y = to_torch("sin")(z)
    z.data.add_(0)
    z.mul_(2)
    with pytest.raises(RuntimeError):
        y.sum().backward()


def test_once_differentiable_is_refused_twice():
    @pg.op("local_once")
    class Once(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        @pg.once_differentiable
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return 2 * x * gy

    x = leaf(2)
    (g,) = torch.autograd.grad(to_torch(Once)(x).sum(), x, create_graph=True)
    torch.testing.assert_close(g, 2 * x)
    with pytest.raises(errors.OnceDifferentiableError):
        g.sum().backward()


def test_an_unknown_op():
    with pytest.raises(errors.UnknownOpError):
        to_torch("sinn")


def test_variables_are_differentiated_by_the_op_itself():
    """Before, what came back was a tensor without a graph."""
    x = pg.Variable(torch.tensor([0.5, 1.5]), requires_grad=True)
    y = to_torch("mul")(x, torch.tensor([2.0, 3.0]))
    y.sum().backward()
    assert x.grad.data.tolist() == [2.0, 3.0]
    (stacked,) = pg.grad(to_torch("stack")([x, x], dim=0).sum(), x)
    assert stacked.data.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("changed", ["input", "output"])
@pytest.mark.parametrize("name", ["contiguous", "to", "reshape"])
def test_a_change_of_an_input_that_was_returned_is_refused(name, changed):
    """As in torch, if a Function returns what it was given: the gradient would be wrong."""
    options = {"contiguous": (), "to": (torch.float64,), "reshape": ((2, 3),)}[name]
    x = leaf(2, 3)
    z = x * 1
    y = to_torch(name)(z, *options)
    torch.testing.assert_close(torch.autograd.grad(y.sin().sum(), x, retain_graph=True)[0], x.cos())

    def change_and_differentiate():
        (z if changed == "input" else y).mul_(3)
        y.sin().sum().backward()

    with pytest.raises(RuntimeError, match="inplace"):
        change_and_differentiate()


@pytest.mark.parametrize("name", ["sin", "clone"])
def test_what_is_saved_is_freed_where_torch_frees_it(name):
    """What was saved was kept, and a second backward went through it without retain_graph."""
    x = leaf(3)
    for function in (getattr(torch, name), to_torch(name)):
        y = function(x)
        y.sum().backward(retain_graph=True)
        y.sum().backward()
        refused = contextlib.nullcontext()
        if name == "sin":
            refused = pytest.raises(RuntimeError, match="backward through the graph a second time")
        with refused:
            y.sum().backward()


def test_a_floating_point_output_without_gradient():
    @pg.op("local_halves")
    class Halves(pg.Function):
        """y = 2x, and x rounded, which has no gradient."""

        @staticmethod
        def forward(ctx, x):
            rounded = x.round()
            ctx.mark_non_differentiable(rounded)
            return 2 * x, rounded

        @staticmethod
        def backward(ctx, gy, _):
            return 2 * gy

    x = leaf(3)
    y, rounded = to_torch(Halves)(x)
    assert (y.requires_grad, rounded.requires_grad) == (True, False)
    (g,) = torch.autograd.grad((y * rounded).sum(), x)
    torch.testing.assert_close(g, 2 * x.detach().round())


def test_forward_mode_of_an_op_with_integers_among_its_outputs():
    x, tangent = leaf(3, 4).detach(), leaf(4, 3).detach().T
    ours = torch.func.jvp(lambda x: to_torch("max")(x, 1)[0], (x,), (tangent,))
    expected = torch.func.jvp(lambda x: torch.max(x, 1)[0], (x,), (tangent,))
    torch.testing.assert_close(ours, expected)

"""A constant of a call that requires grad by the time its backward is recorded: torch's answer."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

import plugrad as pg
from plugrad.errors import TorchGraphError


def leaf(values, requires_grad=False):
    return torch.tensor(values, dtype=torch.float64).requires_grad_(requires_grad)


def variable(values, requires_grad=False):
    return pg.Variable(torch.tensor(values, dtype=torch.float64), requires_grad)


class Product(torch.autograd.Function):
    """A Function of torch's, which saves its constant."""

    @staticmethod
    def forward(ctx, x, c):
        ctx.save_for_backward(c)
        return x * c

    @staticmethod
    def backward(ctx, gy):
        (c,) = ctx.saved_tensors
        return gy * c, None


class ProductByAttribute(torch.autograd.Function):
    """The same, with the constant as an attribute."""

    @staticmethod
    def forward(ctx, x, c):
        ctx.c = c
        return x * c

    @staticmethod
    def backward(ctx, gy):
        return gy * ctx.c, None


CALLS = {
    "mul": lambda x, c: x * c,
    "reflected mul": lambda x, c: c * x,
    "div": lambda x, c: x / c,
    "div by x": lambda x, c: c / x,
    "pow": lambda x, c: x**c,
    "matmul": torch.matmul,
    "outer": torch.outer,
    "where": lambda x, c: torch.where(x > 1, x * c, c),
    "mse_loss": torch.nn.functional.mse_loss,
    "in place": lambda x, c: (x * 1).mul_(c),
    "two ops": lambda x, c: (x * c) * c,
    "a list": lambda x, c: torch.stack([x, c]).cumprod(0) * c,
    "a Function of torch's": lambda x, c: Product.apply(x, c),
    "its attribute": lambda x, c: ProductByAttribute.apply(x, c),
}
SWITCHES = {
    "requires_grad_()": lambda c: c.requires_grad_(),
    "requires_grad = True": lambda c: setattr(c, "requires_grad", True),
    "on, off and on": lambda c: c.requires_grad_().requires_grad_(False).requires_grad_(),
}


def second_order(make, grad, call, switch):
    x, c = make([1.0, 2.0, 3.0], True), make([2.0, 0.5, 1.5])
    y = call(x, c)
    switch(c)
    (gx,) = grad(y.sum(), x, create_graph=True)
    return grad((gx * gx).sum(), [x, c], allow_unused=True)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES)
def test_what_requires_grad_later_has_its_second_derivative(call, switch):
    expected = second_order(leaf, torch.autograd.grad, call, switch)
    got = second_order(variable, pg.grad, call, switch)
    assert expected[1] is not None
    for theirs, ours in zip(expected, got, strict=True):
        assert (theirs is None) == (ours is None)
        if theirs is not None:
            torch.testing.assert_close(ours.data, theirs)


INNER_VIEWS = {
    "linear": lambda x, c: torch.nn.functional.linear(x[None], c),
    "einsum": lambda x, c: torch.einsum("i,ji->j", x, c),
    "bmm": lambda x, c: torch.bmm(x[None, None], c),
}


@pytest.mark.parametrize("name", INNER_VIEWS)
def test_also_where_torch_saves_a_view_made_inside_and_loses_it(name):
    def penalty(early):
        x = variable([1.0, -2.0], True)
        c = variable([[[1.0, 2.0], [3.0, 4.0]]] if name == "bmm" else [[1.0, 2.0], [3.0, 4.0]])
        c.requires_grad_(early)
        y = INNER_VIEWS[name](x, c).sum()
        c.requires_grad_()
        (gx,) = pg.grad(y, x, create_graph=True)
        return pg.grad((gx * gx).sum(), c)[0].data

    torch.testing.assert_close(penalty(early=False), penalty(early=True))


def test_only_the_variable_that_was_passed_counts():
    tensor = torch.ones(3)
    x, c, other = pg.Variable(torch.ones(3), True), pg.Variable(tensor), pg.Variable(tensor)
    y = x * c
    other.requires_grad_()
    (gx,) = pg.grad(y.sum(), x, create_graph=True)
    assert not gx.requires_grad


@pytest.mark.parametrize(("make", "grad"), [(leaf, torch.autograd.grad), (variable, pg.grad)])
def test_what_saved_tensor_hooks_packed_is_a_constant(make, grad):
    x, c = make([1.0, 2.0], True), make([3.0, 4.0])
    with saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x * c
    c.requires_grad_()
    (gx,) = grad(y.sum(), x, create_graph=True)
    assert not gx.requires_grad


@pytest.mark.parametrize(("make", "grad"), [(leaf, torch.autograd.grad), (variable, pg.grad)])
def test_a_first_derivative_does_not_reach_it(make, grad):
    x, c = make([1.0, 2.0], True), make([3.0, 4.0])
    y = (x * c).sum()
    c.requires_grad_()
    assert grad(y, [x, c], allow_unused=True)[1] is None


def test_a_record_does_not_keep_a_constant_alive():
    x, c = variable([1.0, 2.0], True), variable([3.0, 4.0])
    y = (x * c).sum()
    gone = weakref.ref(c)
    del c
    gc.collect()
    assert gone() is None
    (gx,) = pg.grad(y, x, create_graph=True)
    assert gx.tolist() == [3, 4]


def test_a_tensor_that_torch_tracks_since_is_refused():
    x, c = variable([1.0, 2.0], True), leaf([3.0, 4.0])
    y = (x * c).sum()
    c.requires_grad_()
    assert pg.grad(y, x, retain_graph=True)[0].tolist() == [3, 4]
    with pytest.raises(TorchGraphError, match=r"passed to mul as a constant now requires grad"):
        pg.grad(y, x, create_graph=True)
    c.requires_grad_(False)
    assert pg.grad(y, x, create_graph=True)[0].tolist() == [3, 4]

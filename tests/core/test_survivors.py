"""What no other test and no law saw when a line of the core was broken."""

from __future__ import annotations

from collections import namedtuple
from math import ldexp

import pytest
import torch

import plugrad as pg
from plugrad.errors import ArgumentError, SavedIntermediateError
from plugrad.testing.runner import time_limit

Parts = namedtuple("Parts", "floor rest")
CONTAINERS = {
    "tuple": lambda parts: parts,
    "list": list,
    "named": lambda parts: Parts(*parts),
    "torch's": lambda parts: torch.return_types.aminmax(parts),
}


def split_into(container):
    """An op that returns the floor and the rest in this container."""

    class Split(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return CONTAINERS[container]((x.floor(), x - x.floor()))

        @staticmethod
        def backward(ctx, gy, gz):
            return gz

    return Split


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("how", ["in no_grad", "of Variables without grad", "recorded"])
def test_several_outputs_are_variables_in_forwards_container(how, container):
    """``untracked`` returned the raw tensors."""
    tensor = torch.tensor([1.25, -0.5], dtype=torch.float64)
    x = pg.Variable(tensor, requires_grad=how != "of Variables without grad")
    with torch.set_grad_enabled(how != "in no_grad"):
        output = split_into(container).apply(x)
    assert type(output) is type(CONTAINERS[container]((tensor, tensor)))
    assert [type(part) for part in output] == [pg.Variable, pg.Variable]
    assert [part.requires_grad for part in output] == [how == "recorded"] * 2
    assert torch.equal(output[0].data, tensor.floor())
    assert torch.equal(output[1].data, tensor - tensor.floor())


def test_parts_of_an_untracked_output_that_are_no_tensors_stay_as_they_are():
    class Sizes(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x.numel(), None

    doubled, count, nothing = Sizes.apply(pg.Variable(torch.ones(3)))
    assert type(doubled) is pg.Variable
    assert (count, nothing) == (3, None)


@pytest.mark.parametrize("count", [60, 500])
def test_the_gradient_through_many_squarings_of_one_variable_ends(count):
    """A walk that does not remember where it was takes 2^60 steps."""
    x = pg.Variable(torch.ones((), dtype=torch.float64), requires_grad=True)
    y = x
    with time_limit(20):
        for _ in range(count):
            y = y * y
        (gx,) = pg.grad(y, [x], retain_graph=True)
        y.backward()
    assert gx.item() == x.grad.item() == ldexp(1.0, count)


def test_so_does_the_second_derivative_through_many_squarings():
    x = pg.Variable(torch.ones((), dtype=torch.float64), requires_grad=True)
    y = x
    with time_limit(20):
        for _ in range(30):
            y = y * y
        (gx,) = pg.grad(y, [x], create_graph=True)
        (gxx,) = pg.grad(gx, [x])
    n = ldexp(1.0, 30)
    assert gxx.item() == n * (n - 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sum(dim=0, axis=1),
        lambda x: x.sum(axis=1, dim=0),
        lambda x: x.sum(0, axis=0),
        lambda x: x.sum(0, True, keepdims=False),
        lambda x: x.pow(exponent=2, other=3),
        lambda x: pg.registry["pow"].function.apply(input=x, self=x, y=2),
    ],
)
def test_one_argument_under_two_names_is_refused(call):
    """The second name took the place of the first."""
    with pytest.raises(ArgumentError, match="twice"):
        call(pg.Variable(torch.ones(2, 3), requires_grad=True))


COMPLEX = torch.tensor([0.5 + 1j, -1.0 + 0.25j, 2.0 - 0.5j], dtype=torch.complex128)
SECOND = {
    "an input": lambda z: z * z * z,
    "an output": lambda z: z.exp(),
    "an input and an output": lambda z: z.tanh() / z,
}


@pytest.mark.parametrize("name", SECOND)
def test_saved_complex_tensors_have_a_second_derivative(name):
    """A complex output that was saved counted as a constant."""
    f = SECOND[name]
    ours, theirs = pg.Variable(COMPLEX, requires_grad=True), COMPLEX.clone().requires_grad_()
    weight = torch.tensor([1.0 - 1j, 0.5j, 2.0], dtype=torch.complex128)
    (first,) = pg.grad(f(ours), [ours], [weight], create_graph=True)
    (second,) = pg.grad(first, [ours], [weight.conj()])
    (expected,) = torch.autograd.grad(f(theirs), [theirs], [weight], create_graph=True)
    torch.testing.assert_close(first.data, expected.detach(), rtol=1e-12, atol=1e-12)
    (expected,) = torch.autograd.grad(expected, [theirs], [weight.conj().resolve_conj()])
    torch.testing.assert_close(second.data, expected, rtol=1e-12, atol=1e-12)


def test_a_complex_intermediate_that_was_saved_is_refused_in_a_second_derivative():
    class Fourth(pg.Function):
        @staticmethod
        def forward(ctx, z):
            square = z * z
            ctx.save_for_backward(z, square)
            return square * square

        @staticmethod
        def backward(ctx, gy):
            z, square = ctx.saved_tensors
            return 4 * gy * (z * square).conj()

    z = pg.Variable(COMPLEX, requires_grad=True)
    y = Fourth.apply(z)
    weight = torch.ones_like(COMPLEX)
    (gz,) = pg.grad(y, [z], [weight], retain_graph=True)
    torch.testing.assert_close(gz.data, 4 * (COMPLEX**3).conj())
    with pytest.raises(SavedIntermediateError):
        pg.grad(y, [z], [weight], create_graph=True)


def doubling(base, style):
    """An op that saves nothing, for torch or for us, and what its rule finds saved."""
    seen = []

    def backward(ctx, gy):
        seen.append(ctx.saved_tensors)
        return 2 * gy

    body = {"backward": backward}
    if style == "with setup_context":
        body["forward"] = lambda x: 2 * x
        body["setup_context"] = lambda ctx, inputs, output: None
    elif style == "saves none":
        body["forward"] = lambda ctx, x: 2 * x if ctx.save_for_backward() is None else None
    else:
        body["forward"] = lambda ctx, x: 2 * x
    return type("Doubling", (base,), {n: staticmethod(f) for n, f in body.items()}), seen


@pytest.mark.parametrize("style", ["says nothing", "with setup_context", "saves none"])
def test_a_rule_that_saved_nothing_finds_an_empty_tuple_as_in_torch(style):
    ours, seen = doubling(pg.Function, style)
    theirs, torchs = doubling(torch.autograd.Function, style)
    x = pg.Variable(torch.ones(3), requires_grad=True)
    y = ours.apply(x)
    y.sum().backward(retain_graph=True)
    pg.grad(y.sum(), [x], create_graph=True)
    t = torch.ones(3, requires_grad=True)
    u = theirs.apply(t)
    u.sum().backward(retain_graph=True)
    torch.autograd.grad(u.sum(), [t], create_graph=True)
    assert seen == torchs == [(), ()]
    assert torch.equal(x.grad.data, t.grad)

"""The law captured, where its control does not reach."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import plugrad as pg
from plugrad import Sample
from plugrad.testing import check_op

POINT = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


def weight(number=2.0):
    return nn.Parameter(torch.tensor(number, dtype=torch.float64))


def function(forward, backward=lambda ctx, gy: 2 * gy):
    """A torch.autograd.Function with this forward, that is 2x."""
    return type(
        "Doubled",
        (torch.autograd.Function,),
        {"forward": staticmethod(forward), "backward": staticmethod(backward)},
    )


def said(op, *others):
    samples = [Sample(POINT.clone().requires_grad_(), *others)]
    (result,) = check_op(op, samples=samples, laws=("captured",)).results
    return result.status, result.message


def lost(op, *others):
    status, message = said(op, *others)
    assert status == "failed"
    return message


def through_a_module(ctx, x, module):
    return module(x)


def a_linear():
    linear = nn.Linear(3, 2).double()
    return linear, lambda ctx, gy: (gy @ linear.weight, None)


def test_a_parameter_in_a_closure_is_found_and_torch_gives_it_no_gradient():
    w = weight()
    op = function(lambda ctx, x: w * x)
    op.apply(POINT.clone().requires_grad_()).sum().backward()
    assert w.grad is None
    assert "a tensor that requires grad and is no argument, float64[], which" in lost(op)


def test_the_parameters_of_a_module_that_is_an_argument_are_found():
    linear, backward = a_linear()
    told = lost(function(through_a_module, backward), linear)
    assert "tensors that require grad and are no arguments, float64[2, 3], float64[2]," in told


def test_a_parameter_in_a_dict_is_found():
    op = function(lambda ctx, x, d: d["w"] * x, lambda ctx, gy: (2 * gy, None))
    assert "float64[]" in lost(op, {"w": weight()})


def test_a_parameter_behind_other_calls_is_found():
    w = weight()
    behind = w.exp().log()
    assert "float64[]" in lost(function(lambda ctx, x: behind * x))


@pytest.mark.parametrize("behind", [lambda v: v, lambda v: 2 * v, lambda v: v.data * weight()])
def test_a_variable_that_is_the_output_or_a_parameter_of_torchs_is_found(behind):
    read = behind(pg.Variable(torch.ones(3, dtype=torch.float64), requires_grad=True))

    class Zero(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return read

        @staticmethod
        def backward(ctx, gy):
            return 0 * gy

        @staticmethod
        def samples(make):
            yield Sample(make(3))

    (result,) = check_op(Zero, laws=("captured",)).results
    assert result.status == "failed"
    assert "requires grad and is no argument, float64[" in result.message


def test_a_parameter_without_setup_in_forward_is_found():
    w = weight()

    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return w * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, gy):
            return 2 * gy

    assert "float64[]" in lost(Doubled)


@pytest.mark.parametrize(
    "forward",
    [
        lambda ctx, x: 2 * x,
        lambda ctx, x: CONSTANT * x,
        lambda ctx, x: LEAF.detach() * x,
        lambda ctx, x: (LEAF > 0) * 2 * x,
    ],
)
def test_what_requires_no_grad_or_is_detached_is_no_fault(forward):
    status, message = said(function(forward))
    assert (status, message) == (
        "not applicable",
        "forward reads no tensor that requires grad beside its arguments",
    )


CONSTANT = torch.tensor(2.0, dtype=torch.float64)
LEAF = weight()


def test_a_graph_that_forward_makes_for_backward_is_no_fault():
    def forward(ctx, x):
        with torch.enable_grad():
            ctx.inner = x.detach().requires_grad_()
            ctx.y = 2 * ctx.inner
        return ctx.y.detach()

    def also_returned(ctx, x):
        with torch.enable_grad():
            return 2 * x.detach().requires_grad_()

    for each in (forward, also_returned):
        assert said(function(each))[0] == "not applicable"


def test_a_backward_that_adds_to_the_gradient_itself_keeps_the_law():
    w = weight()

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return w * x

    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            torch.autograd.backward(w * x.detach(), gy)
        return w.detach() * gy

    given = w.grad = torch.tensor(7.0, dtype=torch.float64)
    assert said(function(forward, backward)) == ("passed", "")
    assert w.grad is given


def test_what_is_given_beside_a_module_gets_its_gradient_there():
    linear = nn.Linear(3, 1).double()

    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy @ linear.weight.detach(), None, gy[:, None] * x, gy

    def forward(ctx, x, module, weight, bias):
        ctx.save_for_backward(x)
        return module(x)

    assert said(function(forward, backward), linear, *linear.parameters())[0] == "not applicable"
    assert "float64[1]" in lost(function(forward, backward), linear, linear.weight, weight())


def test_what_cannot_be_recorded_is_not_judged():
    w = weight()

    def forward(ctx, x):
        w.add_(0)  # of a leaf: torch's apply forbids no such change, and recording does
        return w * x

    assert said(function(forward)) == ("not applicable", "forward cannot be recorded itself")


def test_a_composite_records_what_it_calls():
    w = pg.Variable(torch.tensor(2.0, dtype=torch.float64), requires_grad=True)

    class Doubled(pg.Composite):
        @staticmethod
        def forward(x):
            return w * x

        @staticmethod
        def samples(make):
            yield Sample(make(3))

    (result,) = check_op(Doubled, laws=("captured",)).results
    assert (result.status, result.message) == (
        "not applicable",
        "what forward calls is recorded by itself",
    )

"""Calls that torch's functions and methods take in an older form, besides that of today."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore:This overload of:UserWarning")

ROW = torch.tensor([0.5, -1.5, 2.0], dtype=torch.float64)
MATRIX = torch.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0], [2.0, 1.0, 1.0]], dtype=torch.float64)
BATCH = torch.stack([MATRIX, MATRIX.T])

FORMS = {
    "add": lambda x: x.add(2, ROW),
    "add_": lambda x: x.add_(-0.5, ROW),
    "torch.add": lambda x: torch.add(ROW, 2, x),
    "sub": lambda x: x.sub(2, ROW),
    "addcmul": lambda x: x.addcmul(2, ROW, x),
    "addcdiv_": lambda x: x.addcdiv_(0.5, ROW, ROW + 3),
    "torch.addmm": lambda x: torch.addmm(0.5, x.expand(3, 3), 2, MATRIX, MATRIX),
    "addmv": lambda x: x.addmv(0.5, MATRIX, ROW),
    "addr": lambda x: x.expand(3, 3).addr(0.5, ROW, ROW),
    "baddbmm": lambda x: x.expand(2, 3, 3).baddbmm(0.5, BATCH, BATCH),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_value_and_the_gradient_are_torchs(name):
    theirs = ROW.clone().requires_grad_()
    ours = pg.Variable(ROW.clone(), requires_grad=True)
    expected, got = FORMS[name](theirs * 1), FORMS[name](ours * 1)
    torch.testing.assert_close(got.data, expected.detach())
    (expected * expected).sum().backward()
    (got * got).sum().backward()
    torch.testing.assert_close(ours.grad.data, theirs.grad)


def test_an_old_optimizers_step_changes_the_parameter():
    x = pg.Variable(ROW.clone(), requires_grad=True)
    with pg.no_grad():
        x.add_(-0.5, torch.ones(3, dtype=torch.float64))
    assert x.data.tolist() == [0.0, -2.0, 1.5]


@pytest.mark.parametrize(
    "call",
    [lambda x: x.add(1, 2, 3), lambda x: x.sin(3), lambda x: x.sum(foo=3), lambda x: x.mul(x, x)],
)
def test_what_torch_does_not_take_either_is_the_ops_own_error(call):
    with pytest.raises(ArgumentError, match="a call of"):
        call(pg.Variable(ROW, requires_grad=True))


# --- objects with rules of their own for torch's functions ---


class Scaled:
    """A matrix times a number, as libraries of linear operators have them."""

    def __init__(self, matrix, factor=1.0):
        self.matrix, self.factor = matrix, factor

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        def dense(value):
            return value.matrix * value.factor if isinstance(value, Scaled) else value

        args = [[dense(v) for v in a] if isinstance(a, list) else dense(a) for a in args]
        function = getattr(torch, getattr(function, "__name__", ""), function)
        return Scaled(function(*args, **(kwargs or {})))


OWN_RULES = {
    "function": lambda x, a: torch.add(x, a),
    "function, first": lambda x, a: torch.matmul(a, x),
    "list": lambda x, a: torch.cat([x, a]),
    "module's": lambda x, a: torch.nn.functional.linear(x, a),
    "three": lambda x, a: torch.where(torch.tensor([True, False]), x, a),
    "add": lambda x, a: x + a,
    "mul": lambda x, a: x * a,
    "matmul": lambda x, a: x @ a,
    "div": lambda x, a: x / a,
    "method": lambda x, a: x.mul(a),
    "method with an option": lambda x, a: x.sub(a, alpha=2),
}


@pytest.mark.parametrize("name", OWN_RULES)
def test_an_object_with_own_rules_is_asked_and_the_graph_kept(name):
    matrix = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    found = []
    for leaf in (
        torch.tensor([[2.0, 0.5], [1.0, 3.0]], requires_grad=True),
        pg.Variable(torch.tensor([[2.0, 0.5], [1.0, 3.0]]), requires_grad=True),
    ):
        result = OWN_RULES[name](leaf, Scaled(matrix, 3.0))
        assert type(result) is Scaled
        (result.matrix**2).sum().backward()
        found.append((result.matrix.tolist(), leaf.grad.tolist()))
    assert found[0] == found[1]


def test_the_object_may_hold_a_variable():
    x = pg.Variable(torch.eye(2), requires_grad=True)
    result = torch.sin(Scaled(x, 2.0))
    result.matrix.sum().backward()
    torch.testing.assert_close(x.grad.data, 2 * (2 * torch.eye(2)).cos())


def test_a_call_that_cannot_ask_it_is_an_error():
    x = pg.Variable(torch.eye(2), requires_grad=True)
    with pytest.raises(pg.errors.ArgumentError, match=r"(?s)a Scaled.*fix: .*pass the tensor"):
        x[Scaled(torch.tensor(0))]

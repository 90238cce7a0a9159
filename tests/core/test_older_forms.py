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

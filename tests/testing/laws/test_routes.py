"""The laws of routes, where the controls do not reach."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.ops.creation.bernoulli import Bernoulli
from plugrad.plugins.registered_op import RegisteredOp
from plugrad.testing import check_op
from plugrad.testing.case import Case
from plugrad.testing.laws.routes import _torch_refuses
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.tests.testing.doubled import but, said

HALF = torch.full((3,), 0.5)


def test_routes_leaves_out_torchs_function_where_it_refuses_tensors_too():
    """A probability for each element: torch has it only in place."""
    assert {result.status for result in check_op(Bernoulli, laws=["routes"])} == {"passed"}


@pytest.mark.parametrize(("args", "refused"), [((HALF,), False), ((HALF, HALF), True)])
def test_what_torch_refuses_is_what_it_takes_no_tensors_for(args, refused):
    assert _torch_refuses(Case(OpUnderTest.of(Bernoulli), pg.Sample(*args))) is refused


class Recording(pg.Composite):
    """y = exp(x), recorded in no_grad() too."""

    @staticmethod
    def forward(x):
        with torch.enable_grad():
            return x.exp()

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))


class ListOrTuple(Recording):
    """y = exp(x): in a list where it is recorded, else in a tuple."""

    @staticmethod
    def forward(x):
        y = x.exp()
        return [y] if getattr(y, "requires_grad", False) else (y,)


def test_what_requires_grad_in_no_grad_is_found():
    assert said(Recording, "variables") == ("failed", "output 0 requires grad in no_grad()")


def test_another_container_in_no_grad_is_found():
    message = "in no_grad() the outputs are tuple(tensor), but list(tensor) of a recorded call"
    assert said(ListOrTuple, "variables") == ("failed", message)


def test_a_route_to_the_right_values_without_a_node_is_found(monkeypatch):
    op = RegisteredOp.of(pg.op("test::routes", properties=("doubled_here",))(but()), "test")
    bare = property(lambda x: pg.Variable(2 * x.data))
    monkeypatch.setattr(pg.Variable, "doubled_here", bare, raising=False)
    assert said(op, "routes") == ("failed", "x.doubled_here leads to None, not to this op")

"""The laws of routes, where the controls do not reach."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.ops.creation.bernoulli import Bernoulli
from plugrad.testing import check_op
from plugrad.testing.case import Case
from plugrad.testing.laws.routes import _torch_refuses
from plugrad.testing.op_under_test import OpUnderTest

HALF = torch.full((3,), 0.5)


def test_routes_leaves_out_torchs_function_where_it_refuses_tensors_too():
    """A probability for each element: torch has it only in place."""
    assert {result.status for result in check_op(Bernoulli, laws=["routes"])} == {"passed"}


@pytest.mark.parametrize(("args", "refused"), [((HALF,), False), ((HALF, HALF), True)])
def test_what_torch_refuses_is_what_it_takes_no_tensors_for(args, refused):
    assert _torch_refuses(Case(OpUnderTest.of(Bernoulli), pg.Sample(*args))) is refused

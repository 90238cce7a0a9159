"""A leaf that got another shape or dtype after it was used: its gradient would miss a part."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import GradientShapeError


def _new_data(x):
    x.data = torch.ones(3, 1, dtype=torch.float64)


def _new_dtype(x):
    x.data = torch.ones(1, 3, dtype=torch.float32)


CHANGES = {
    "data": _new_data,
    "dtype": _new_dtype,
    "t_": lambda x: x.t_(),
    "unsqueeze_": lambda x: x.unsqueeze_(-1),
    "squeeze_": lambda x: x.squeeze_(0),
}
REFUSED = r"after it was used in this graph[^$]*fix: run forward again"


@pytest.mark.parametrize("change", CHANGES)
def test_no_part_of_a_gradient_is_lost_in_a_leaf_that_has_changed(change):
    x = pg.Variable(torch.ones(1, 3, dtype=torch.float64), requires_grad=True)
    before = (x * 2).sum()
    with pg.no_grad():
        CHANGES[change](x)
    after = x.sum()
    for outputs in ([before], [before, after]):
        for options in ({}, {"allow_unused": True}, {"materialize_grads": True}):
            with pytest.raises(GradientShapeError, match=REFUSED):
                pg.grad(outputs, [x], **options)
        with pytest.raises(GradientShapeError, match=REFUSED):
            pg.backward(outputs, inputs=[x])
    assert x.grad is None
    (gradient,) = pg.grad([(x * 2).sum() + x.sum()], [x])  # the fix: forward again
    assert torch.equal(gradient.data, torch.full_like(x.data, 3))
    (gradient,) = pg.grad([after], [x])  # which does not lead to what it was
    assert torch.equal(gradient.data, torch.ones_like(x.data))


def test_data_of_the_same_shape_and_dtype_goes_on_in_the_same_graph():
    x = pg.Variable(torch.ones(3), requires_grad=True)
    before = (x * 2).sum()
    x.data = torch.zeros(3)
    (gradient,) = pg.grad([before, x.sum()], [x])
    assert gradient.tolist() == [3, 3, 3]

"""mse_loss of numbers and truth values: torch subtracts them, and so do the gradients."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.core.installed_torch import torch_before


@pytest.mark.skipif(torch_before("2.13"), reason="torch itself raises an error there")
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_the_second_derivative_where_the_input_is_of_truth_values(reduction):
    answers = torch.tensor([True, False, True])
    seconds = []
    for leaf, grad in (
        (lambda x: x.requires_grad_(), torch.autograd.grad),
        (lambda x: pg.Variable(x, requires_grad=True), pg.grad),
    ):
        y = leaf(torch.tensor([0.5, 2.0, -1.0]))
        loss = torch.nn.functional.mse_loss(answers, y, reduction=reduction)
        cotangent = leaf(torch.full(tuple(loss.shape), 2.0))
        (gy,) = grad(loss, y, cotangent, create_graph=True)
        seconds.append([g.detach() for g in grad((gy * gy).sum(), (y, cotangent))])
    for expected, actual in zip(*seconds, strict=True):
        torch.testing.assert_close(actual.data, expected)

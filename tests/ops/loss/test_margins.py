"""The margin losses: their second derivative, which torch has not, and what its kernels forget."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

MULTI = torch.ops.aten.multi_margin_loss.default
MULTILABEL = torch.ops.aten.multilabel_margin_loss_forward.default


def in_plain_torch(x, target, p, margin, weight, reduction):
    at = target.unsqueeze(-1)
    terms = F.relu(margin - x.gather(-1, at) + x) ** p
    terms = terms.scatter(-1, at, 0.0) / x.shape[-1]
    if weight is not None:
        terms = terms * weight[at]
    rows = terms.sum(-1)
    return rows.mean() if reduction == 1 else rows.sum()


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("reduction", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_second_derivative_of_multi_margin_loss(p, reduction, weighted):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    direction = torch.randn(5, 4, generator=generator, dtype=torch.float64)
    weights = torch.rand(4, generator=generator, dtype=torch.float64) if weighted else None
    target = torch.tensor([0, 3, 1, 1, 2])

    x = values.clone().requires_grad_()
    w = None if weights is None else weights.clone().requires_grad_()
    leaves = [x] if w is None else [x, w]
    loss = in_plain_torch(x, target, p, 0.8, w, reduction)
    (g,) = torch.autograd.grad(loss.square(), x, create_graph=True)
    expected = torch.autograd.grad((g * direction).sum(), leaves)

    v = pg.Variable(values, requires_grad=True)
    u = None if weights is None else pg.Variable(weights, requires_grad=True)
    ours = MULTI(v, target, p, 0.8, u, reduction)
    torch.testing.assert_close(ours.data, loss.detach())
    (gv,) = pg.grad(ours.square(), v, create_graph=True)
    torch.testing.assert_close(gv.data, g.detach())
    got = pg.grad((gv * direction).sum(), [v] if u is None else [v, u])
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one.data, other)


def test_second_derivative_of_multilabel_margin_loss():
    values = torch.tensor([[0.3, -0.2, 0.9, 0.1]], dtype=torch.float64)
    target = torch.tensor([[2, 0, -1, 1]])
    x = pg.Variable(values, requires_grad=True)
    (g,) = pg.grad(MULTILABEL(x, target, 2)[0].square(), x, create_graph=True)
    (h,) = pg.grad(g[0, 0], x)
    # Piecewise linear: of its square the second derivative is 2 g g^T.
    leaf = values.clone().requires_grad_()
    (slope,) = torch.autograd.grad(F.multilabel_margin_loss(leaf, target, reduction="sum"), leaf)
    torch.testing.assert_close(h.data, 2 * slope[0, 0] * slope)


@pytest.mark.parametrize(("reduction", "expected"), [(1, math.nan), (2, 0.0)])
def test_the_loss_of_no_rows(reduction, expected):
    x, target = pg.Variable(torch.zeros(0, 4), requires_grad=True), torch.zeros(0, 4).long()
    losses = MULTI(x, target[:, 0], 1, 1, None, reduction), MULTILABEL(x, target, reduction)[0]
    for loss in losses:
        torch.testing.assert_close(loss.data, torch.tensor(expected), equal_nan=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda g, x, t: torch.ops.aten.multi_margin_loss_backward.default(g, x, t[:, 0], 1, 1),
        lambda g, x, t: torch.ops.aten.multilabel_margin_loss_backward.default(
            g, x, t, 1, torch.zeros(2, 4)
        ),
    ],
    ids=["multi", "multilabel"],
)
def test_a_cotangent_of_another_shape_is_refused_and_the_fix_works(call):
    x = pg.Variable(torch.randn(2, 4), requires_grad=True)
    target = torch.tensor([[1, -1, 0, 0], [2, -1, 0, 0]])
    with pytest.raises(pg.errors.ArgumentError, match=r"shape \(2,\)[\s\S]*fix:[\s\S]*shape \(\)"):
        call(torch.ones(2), x, target)
    assert call(torch.ones(()), x, target).shape == (2, 4)


@pytest.mark.parametrize("wrong", [{"p": 3}, {"weight": torch.ones(1, 4)}])
def test_a_wrong_option_beside_a_target_that_is_a_variable(wrong):
    x = pg.Variable(torch.ones(2, 4), requires_grad=True)
    with pytest.raises(ValueError, match="only p ==|one-dimensional"):
        F.multi_margin_loss(x, pg.Variable(torch.tensor([0, 1])), **wrong)

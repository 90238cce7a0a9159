"""cross_entropy: an ignored row that is not finite sends nothing back (pytorch#11551)."""

from __future__ import annotations

from math import inf, nan

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

BAD = [[-inf, -inf, -inf], [inf, inf, 0.0], [nan, 1.0, 2.0], [inf, -inf, 0.0], [-inf, 1.0, 2.0]]


def both(values, target, **options):
    """The loss and its gradient, of all rows and of those that are not ignored."""
    kept = target != options.get("ignore_index", -100)
    x = pg.Variable(values, requires_grad=True)
    loss = F.cross_entropy(x, target, **options)
    (g,) = pg.grad(loss.sum(), x)
    leaf = values[kept].requires_grad_()
    right = F.cross_entropy(leaf, target[kept], **options)
    (expected,) = torch.autograd.grad(right.sum(), leaf)
    return loss.data, g.data, right, expected, kept


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore_index", [-100, 1])
def test_its_gradient_is_0_and_the_others_do_not_notice(
    bad, reduction, smoothing, weighted, ignore_index
):
    values = torch.tensor([[1.0, 2.0, 0.5], bad, [0.0, -1.0, 3.0]], dtype=torch.float64)
    target = torch.tensor([0, ignore_index, 2])
    weight = torch.tensor([0.5, 2.0, 1.5], dtype=torch.float64) if weighted else None
    loss, g, right, expected, kept = both(
        values,
        target,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=smoothing,
    )
    assert g[~kept].tolist() == [[0, 0, 0]]
    torch.testing.assert_close(g[kept], expected)
    if reduction == "none":
        assert loss[~kept].tolist() == [0]
        loss = loss[kept]
    torch.testing.assert_close(loss, right.detach())


@pytest.mark.parametrize("bad", [inf, -inf, nan])
def test_of_images_one_pixel(bad):
    values = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    values[0, :, 1, 0] = bad
    x = pg.Variable(values, requires_grad=True)
    target = torch.tensor([[[0, 1], [-100, 2]]])
    (g,) = pg.grad(F.cross_entropy(x, target), x)
    assert g.data[0, :, 1, 0].tolist() == [0, 0, 0]
    assert g.data.isfinite().all()
    assert g.data[0, 0, 0, 0] == pytest.approx((1 / 3 - 1) / 3)


@pytest.mark.parametrize("bad", [inf, -inf, nan])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_single_row_that_is_ignored(bad, smoothing):
    x = pg.Variable(torch.full((3,), bad), requires_grad=True)
    loss = F.cross_entropy(x, torch.tensor(-100), reduction="sum", label_smoothing=smoothing)
    assert loss.item() == 0
    assert pg.grad(loss, x)[0].tolist() == [0, 0, 0]


def test_second_order():
    values = torch.tensor([[1.0, 2.0], [-inf, -inf]], dtype=torch.float64)
    x = pg.Variable(values, requires_grad=True)
    (g,) = pg.grad(F.cross_entropy(x, torch.tensor([0, -100])), x, create_graph=True)
    (h,) = pg.grad(g[0, 0], x)
    p = values[0].softmax(0)
    torch.testing.assert_close(h.data[0], torch.stack([p[0] * (1 - p[0]), -p[0] * p[1]]))
    assert h.data[1].tolist() == [0, 0]


@pytest.mark.parametrize("bad", [inf, -inf, nan])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_nll_loss_of_an_ignored_row(bad, reduction):
    x = pg.Variable(torch.tensor([[-1.0, -2.0], [bad, bad]]), requires_grad=True)
    loss = F.nll_loss(x, torch.tensor([1, -100]), reduction=reduction)
    assert loss.item() == 2
    assert pg.grad(loss, x)[0].tolist() == [[0, -1], [0, 0]]


def test_a_target_of_another_shape_is_refused_in_torchs_words():
    x, target = torch.ones(1, 3), torch.tensor([-100, 0])
    with pytest.raises(ValueError, match="batch_size") as theirs:
        F.cross_entropy(x, target)
    with pytest.raises(ValueError, match="batch_size") as ours:
        F.cross_entropy(pg.Variable(x), target)
    assert str(ours.value) == str(theirs.value)

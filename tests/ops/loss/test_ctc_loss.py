"""ctc_loss: sequences of several lengths, and the second derivative, which torch has not."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg
from plugrad.ops.loss import _ctc_reference

LOSS = torch.ops.aten._ctc_loss
PADDED = torch.tensor([[1, 2, 2], [3, 1, 0], [2, 0, 0], [0, 0, 0]])
STEPS, LENGTHS = [6, 5, 3, 6], [3, 2, 1, 0]


def logits(dtype=torch.float64):
    return torch.randn(6, 4, 4, generator=torch.Generator().manual_seed(0), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("form", ["padded", "in a row", "in a row, not contiguous", "tensors"])
def test_value_and_gradient_are_torchs(dtype, form):
    targets, steps, lengths = PADDED, STEPS, LENGTHS
    if form.startswith("in a row"):
        targets = torch.cat([row[:n] for row, n in zip(PADDED, LENGTHS, strict=True)])
    if form == "tensors":
        steps, lengths = torch.tensor(STEPS), torch.tensor(LENGTHS)
    x = logits(dtype).log_softmax(-1).requires_grad_()
    loss, _ = LOSS(x, targets, steps, lengths)
    cotangent = torch.arange(1.0, 5.0, dtype=dtype)
    (expected,) = torch.autograd.grad(loss, x, cotangent)
    if "not contiguous" in form:
        targets = torch.stack([targets, targets], 1)[:, 0]
    v = pg.Variable(x.detach(), requires_grad=True)
    ours, _ = LOSS(v, targets, steps, lengths)
    torch.testing.assert_close(ours.data, loss.detach())
    (got,) = pg.grad(ours, v, cotangent)
    torch.testing.assert_close(got.data, expected)
    (again,) = pg.grad(LOSS(v, targets, steps, lengths)[0], v, cotangent, create_graph=True)
    torch.testing.assert_close(again.data, expected)


@pytest.mark.parametrize("blank", [0, 3])
def test_second_derivative_after_log_softmax(blank):
    targets = torch.tensor([[1, 2, 2], [1, 2, 0], [2, 0, 0], [0, 0, 0]])
    targets = targets if blank == 0 else 2 - targets
    direction = torch.randn(6, 4, 4, generator=torch.Generator().manual_seed(1)).double()

    def gradient(x, log_softmax, loss, grad):
        y, _ = loss(log_softmax(x, -1), targets, STEPS, LENGTHS, blank)
        return grad(y.square().sum(), x, create_graph=True)[0]

    def plain(y, *arguments):  # without the sum of exp(x), which is the number of steps
        loss, alpha = _ctc_reference.loss(y, *arguments)
        return loss - torch.tensor(STEPS), alpha

    x = logits().requires_grad_()
    g = gradient(x, torch.log_softmax, plain, torch.autograd.grad)
    (expected,) = torch.autograd.grad((g * direction).sum(), x)
    v = pg.Variable(logits(), requires_grad=True)
    ours = gradient(v, torch.log_softmax, LOSS, pg.grad)
    torch.testing.assert_close(ours.data, g.detach())
    (got,) = pg.grad((ours * direction).sum(), v, create_graph=True)
    torch.testing.assert_close(got.data, expected)
    third = pg.grad(got.square().sum(), v)[0].data

    def size(moved):
        u = pg.Variable(moved, requires_grad=True)
        h = gradient(u, torch.log_softmax, LOSS, pg.grad)
        return float(pg.grad((h * direction).sum(), u)[0].data.square().sum())

    step = 1e-5 * direction
    slope = (size(logits() + step) - size(logits() - step)) / 2e-5
    assert float((third * direction).sum()) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_what_no_alignment_fits_is_infinite_or_counts_for_nothing(zero_infinity):
    x = pg.Variable(logits()[:, :2].log_softmax(-1), requires_grad=True)
    steps, lengths = [6, 3], [3, 3]  # the second would need 4 steps, for a blank between the 2s
    targets = torch.tensor([[1, 2, 2], [1, 2, 2]])
    loss, _ = LOSS(x, targets, steps, lengths, 0, zero_infinity)
    assert loss.isinf().tolist() == [False, not zero_infinity] or zero_infinity
    (g,) = pg.grad(loss.sum(), x, create_graph=True)
    first, second = g.data[:, 0], g.data[:3, 1]
    assert first.isfinite().all()
    assert (second == 0).all() if zero_infinity else second.isnan().all()
    assert (g.data[3:, 1] == 0).all()
    (h,) = pg.grad(g[:, 0].square().sum(), x)
    assert h.data[:, 0].abs().min() > 0
    if zero_infinity:
        assert (h.data[:, 1] == 0).all()


def test_a_class_that_is_impossible_has_a_gradient_of_0():
    values = logits().log_softmax(-1)
    values[:, :, 3] = -torch.inf
    x = pg.Variable(values, requires_grad=True)
    loss, _ = LOSS(x, torch.tensor([[1, 2], [2, 1], [1, 1], [2, 2]]), [6] * 4, [2] * 4)
    for recorded in (False, True):
        (g,) = pg.grad(loss.sum(), x, retain_graph=True, create_graph=recorded)
        assert (g.data[:, :, 3] == 0).all()
        assert g.data.isfinite().all()


def test_the_kernel_of_a_gradient_says_which_dtypes_it_takes():
    x = pg.Variable(logits(torch.bfloat16), requires_grad=True)
    arguments = PADDED, STEPS, LENGTHS, torch.ones(4), torch.ones(4, 6, 7), 0
    ones = torch.ones(4, dtype=torch.bfloat16)
    with pytest.raises(pg.errors.ArgumentError, match=r"bfloat16[\s\S]*fix:[\s\S]*float\(\)"):
        torch.ops.aten._ctc_loss_backward(ones, x, *arguments)
    gradient = torch.ops.aten._ctc_loss_backward(ones.float(), x.float(), *arguments)
    assert gradient.shape == (6, 4, 4)


def test_ctc_loss_itself():
    x = logits().log_softmax(-1).requires_grad_()
    expected = F.ctc_loss(x, PADDED, tuple(STEPS), tuple(LENGTHS), zero_infinity=True)
    v = pg.Variable(x.detach(), requires_grad=True)
    loss = F.ctc_loss(v, PADDED, tuple(STEPS), tuple(LENGTHS), zero_infinity=True)
    torch.testing.assert_close(loss.data, expected.detach())
    torch.testing.assert_close(pg.grad(loss, v)[0].data, torch.autograd.grad(expected, x)[0])

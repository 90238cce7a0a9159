"""Labels that are no class: torch's kernels would read and write beyond the tensors."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import ctc_loss, log_softmax

import plugrad as pg
from plugrad.errors import ArgumentError

ATEN = torch.ops.aten
WRONG = r"got the label (-1|4|99) for 4 classes[^$]*fix: give labels from 0 to 3"


def _scores(*shape, requires_grad=True):
    torch.manual_seed(0)
    return pg.Variable(torch.randn(*shape, dtype=torch.float64), requires_grad=requires_grad)


@pytest.mark.parametrize("label", [-1, 4, 99])
@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize("in_a_row", [True, False])
def test_ctc_loss_refuses_a_label_that_is_no_class(label, requires_grad, in_a_row):
    x = log_softmax(_scores(6, 2, 4, requires_grad=requires_grad), -1)
    labels = torch.tensor([[1, 2, 3], [1, label, 2]])
    labels = labels.flatten() if in_a_row else labels
    with pytest.raises(ArgumentError, match=WRONG):
        ctc_loss(x, labels, (6, 6), (3, 3))
    with pytest.raises(ArgumentError, match=WRONG):
        ctc_loss(x, labels, torch.tensor([6, 6]), torch.tensor([3, 3]))
    with pytest.raises(ArgumentError, match=WRONG):
        ctc_loss(x[:, 1], labels.view(2, 3)[1], (6,), (3,))


@pytest.mark.parametrize("padding", [-1, 0, 99])
def test_ctc_loss_does_not_look_at_what_is_behind_a_target(padding):
    labels, lengths = torch.tensor([[1, 2, padding], [1, 3, 2]]), (2, 3)
    x = _scores(6, 2, 4)
    t = x.data.clone().requires_grad_()
    for scores in (x, t):
        ctc_loss(log_softmax(scores, -1), labels, (6, 6), lengths).backward()
    torch.testing.assert_close(x.grad.data, t.grad)


@pytest.mark.parametrize("label", [-1, 4, 99])
def test_the_kernels_of_nll_losss_gradient_refuse_it_unless_it_is_ignored(label):
    total = torch.tensor(1.0, dtype=torch.float64)
    x, labels = _scores(3, 4), torch.tensor([0, label, 2])
    with pytest.raises(ArgumentError, match=WRONG):
        ATEN.nll_loss_backward(_scores(3), x, labels, None, 0, -100, total)
    z = ATEN.nll_loss_backward(_scores(3), x, labels, None, 0, label, total)
    assert (z.data[1] == 0).all()
    image, places = _scores(1, 4, 3, 1), labels.view(1, 3, 1)
    with pytest.raises(ArgumentError, match=WRONG):
        ATEN.nll_loss2d_backward(_scores(1, 3, 1), image, places, None, 0, -100, total)
    z = ATEN.nll_loss2d_backward(_scores(1, 3, 1), image, places, None, 0, label, total)
    assert (z.data[0, :, 1] == 0).all()

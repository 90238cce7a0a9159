"""Losses under torch's own names, torch.kl_div and so on: not all average by default."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

CALLS = {
    "binary_cross_entropy_with_logits": lambda f, x, y: f(x, y),
    "binary_cross_entropy_with_logits, sum": lambda f, x, y: f(x, y, reduction=2),
    "cosine_embedding_loss": lambda f, x, y: f(x, y, torch.ones(2)),
    "hinge_embedding_loss": lambda f, x, y: f(x, torch.ones(2, 3)),
    "kl_div": lambda f, x, y: f(x, y),
    "margin_ranking_loss": lambda f, x, y: f(x, y, torch.ones(2, 3)),
    "triplet_margin_loss": lambda f, x, y: f(x, y, y * 2),
    "ctc_loss": lambda f, x, y: f(
        x.unsqueeze(1).log_softmax(2), torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1])
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_without_a_reduction_it_is_as_in_torch(name):
    loss = getattr(torch, name.partition(",")[0])
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, 2, 3, generator=generator, dtype=torch.float64)
    theirs, ours = x.clone().requires_grad_(), pg.Variable(x, requires_grad=True)
    expected, got = (CALLS[name](loss, each, y) for each in (theirs, ours))
    torch.testing.assert_close(got.data, expected.detach())
    expected.sum().backward()
    got.sum().backward()
    torch.testing.assert_close(ours.grad.data, theirs.grad)

"""Losses of narrow logits in torch.autocast, which computes them in float32."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg


def narrow(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator).bfloat16()


X, Y, ROWS = narrow(8), narrow(8, seed=1), narrow(8, 4, seed=2)
OTHERS = narrow(8, 4, seed=3), narrow(8, 4, seed=4)
SIGNS = narrow(8, seed=5).sign().float()
CHANCES, LABELS = X.sigmoid(), torch.arange(8) % 4
LISTS = torch.tensor([[3, 0, -1, 1]] * 8)
SEQUENCES = narrow(6, 2, 4).log_softmax(-1)
#: The arguments of each, those in bfloat16 with a gradient, and which get none.
CALLS = {
    "l1_loss": (X, Y),
    "mse_loss": (X, Y),
    "smooth_l1_loss": (X, Y),
    "huber_loss": (X, Y),
    "kl_div": (ROWS, OTHERS[0].softmax(-1)),
    "cross_entropy": (ROWS, LABELS),
    "nll_loss": (ROWS, LABELS),
    "binary_cross_entropy": (CHANCES, (SIGNS + 1) / 2),
    "binary_cross_entropy_with_logits": (X, (SIGNS + 1) / 2),
    "cosine_similarity": (ROWS, OTHERS[0]),
    "pairwise_distance": (ROWS, OTHERS[0]),
    "cosine_embedding_loss": (ROWS, OTHERS[0], SIGNS),
    "hinge_embedding_loss": (X, SIGNS),
    "margin_ranking_loss": (X, Y, SIGNS),
    "triplet_margin_loss": (ROWS, *OTHERS),
    "triplet_margin_with_distance_loss": (ROWS, *OTHERS),
    "gaussian_nll_loss": (X, Y, CHANCES),
    "poisson_nll_loss": (X, LABELS),
    "soft_margin_loss": (X, SIGNS),
    "multilabel_soft_margin_loss": (ROWS, (OTHERS[0] > 0).float()),
    "multilabel_margin_loss": (ROWS, LISTS),
    "multi_margin_loss": (ROWS, LABELS),
    "ctc_loss": (SEQUENCES, torch.tensor([[1, 2, 2], [3, 1, 2]]), (6, 6), (3, 3)),
}
#: Further options of some, by how the case is called.
OPTIONS = {
    "l1_loss weighted": {"weight": CHANCES},
    "huber_loss weighted": {"weight": CHANCES},
    "cross_entropy weighted": {"weight": narrow(4).exp(), "label_smoothing": 0.1},
    "nll_loss weighted": {"weight": narrow(4).exp(), "ignore_index": 1, "reduction": "none"},
    "multi_margin_loss weighted": {"weight": narrow(4).exp()},
    "binary_cross_entropy weighted": {"weight": CHANCES},
}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("case", [*CALLS, *OPTIONS])
def test_it_is_as_torchs(case):
    name = case.split()[0]
    options = OPTIONS.get(case, {})
    if options and options.keys() - set(getattr(F, name).__code__.co_varnames):
        pytest.skip("this torch takes no weight")

    def run(leaf, grad):
        leaves = []

        def given(value):
            if isinstance(value, torch.Tensor) and value.dtype is torch.bfloat16:
                leaves.append(leaf(value.clone()))
                return leaves[-1]
            return value

        arguments = [given(value) for value in CALLS[name]]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = getattr(F, name)(*arguments, **options)
        return y, grad(y.sum(), leaves)

    expected, wanted = run(lambda t: t.requires_grad_(), torch.autograd.grad)
    y, got = run(lambda t: pg.Variable(t, requires_grad=True), pg.grad)
    torch.testing.assert_close(y.data, expected.detach())
    for g, w in zip(got, wanted, strict=True):
        torch.testing.assert_close(g.data, w)

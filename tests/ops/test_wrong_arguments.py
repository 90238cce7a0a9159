"""Wrong arguments of torch.nn.functional, also where all tensors are Variables: torch's refusal.

An op that stands for one of these functions replaces its code, and with it what that checks
before it calls a kernel. Where the installed torch refuses a call, so must plugrad.
"""

from __future__ import annotations

from math import inf, nan

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

#: Each is called with a function that makes a tensor that requires grad, and one for integers.
CALLS = {
    "batch_norm, eps 0": lambda x, i: F.batch_norm(x(3, 4), None, None, training=True, eps=0.0),
    "batch_norm, eps -1": lambda x, i: F.batch_norm(x(3, 4), i(4).double(), i(4) + 1.0, eps=-1.0),
    "batch_norm, one value": lambda x, i: F.batch_norm(x(1, 4), None, None, training=True),
    "group_norm, one value": lambda x, i: F.group_norm(x(1, 4), 4),
    "group_norm, one value, 3 d": lambda x, i: F.group_norm(x(1, 4, 1), 4),
    "group_norm, 1 d": lambda x, i: F.group_norm(x(4), 2),
    "group_norm, channels": lambda x, i: F.group_norm(x(2, 4), 3),
    "batch_norm, weight of nothing": lambda x, i: F.batch_norm(
        x(3, 4), None, None, x(0), training=True
    ),
    "batch_norm, mean of nothing": lambda x, i: F.batch_norm(
        x(3, 4), i(0).double(), i(4).double() + 1
    ),
    "batch_norm, variance of nothing": lambda x, i: F.batch_norm(
        x(3, 4), i(4).double(), i(0).double()
    ),
    "instance_norm, mean of nothing": lambda x, i: F.instance_norm(
        x(2, 3, 4), i(0).double(), i(3).double() + 1
    ),
    "instance_norm, weight of nothing": lambda x, i: F.instance_norm(x(2, 3, 4), weight=x(0)),
    "instance_norm, weight in 2 d": lambda x, i: F.instance_norm(x(2, 3, 4), weight=x(2, 3)),
    "instance_norm, one value": lambda x, i: F.instance_norm(x(2, 3, 1)),
    "layer_norm, shape": lambda x, i: F.layer_norm(x(2, 3), (4,)),
    "rms_norm, shape": lambda x, i: F.rms_norm(x(2, 3), (2, 2)),
    "rms_norm, integers": lambda x, i: F.rms_norm(i(2, 3), (3,)),
    "local_response_norm, 2 d": lambda x, i: F.local_response_norm(x(2, 3), 2),
    "rrelu, nan": lambda x, i: F.rrelu(x(3), nan, 0.1),
    "rrelu, inf": lambda x, i: F.rrelu(x(3), 0.1, inf, training=True),
    "rrelu, order": lambda x, i: F.rrelu(x(3), 0.5, 0.1),
    "hardtanh, order": lambda x, i: F.hardtanh(x(3), 2.0, 1.0),
    "celu, alpha 0": lambda x, i: F.celu(x(3), 0.0),
    "softshrink, negative": lambda x, i: F.softshrink(x(3), -1.0),
    "glu, odd": lambda x, i: F.glu(x(3)),
    "glu, 0 d": lambda x, i: F.glu(x()),
    "gelu, word": lambda x, i: F.gelu(x(3), approximate="no"),
    "prelu, channels": lambda x, i: F.prelu(x(2, 3), x(2)),
    "dropout, p": lambda x, i: F.dropout(x(3), 1.5),
    "multi_margin_loss, p": lambda x, i: F.multi_margin_loss(x(2, 3), i(2), p=3),
    "multi_margin_loss, weight": lambda x, i: F.multi_margin_loss(x(2, 3), i(2), weight=x(1, 3)),
    "multi_margin_loss, target": lambda x, i: F.multi_margin_loss(x(2, 3), i(2) + 5),
    "multilabel_margin_loss": lambda x, i: F.multilabel_margin_loss(x(2, 3), i(2)),
    "multilabel_soft_margin_loss": lambda x, i: F.multilabel_soft_margin_loss(
        x(2, 3), i(2, 3), reduction="other"
    ),
    "nll_loss, target of images": lambda x, i: F.nll_loss(x(2, 3, 2), i(2)),
    "nll_loss, class": lambda x, i: F.nll_loss(x(2, 3), i(2) + 3),
    "nll_loss, weight": lambda x, i: F.nll_loss(x(2, 3), i(2), weight=i(2).double()),
    "nll_loss, target with a dimension more": lambda x, i: F.nll_loss(x(2, 3, 1), i(2, 1, 1)),
    "nll_loss, transposed target": lambda x, i: F.nll_loss(x(2, 3, 1, 2, 3), i(2, 1, 3, 2)),
    "nll_loss, flat target": lambda x, i: F.nll_loss(x(2, 3, 2, 2, 2), i(2, 8)),
    "cross_entropy, target with a dimension more": lambda x, i: F.cross_entropy(
        x(2, 3, 1), i(2, 1, 1)
    ),
    "cross_entropy, target in numpy": lambda x, i: F.cross_entropy(x(2, 3), i(2).data.numpy()),
    "cross_entropy, target of images": lambda x, i: F.cross_entropy(x(2, 3, 2), i(2)),
    "cross_entropy, smoothing": lambda x, i: F.cross_entropy(x(2, 3), i(2), label_smoothing=2.0),
    "margin_ranking_loss": lambda x, i: F.margin_ranking_loss(x(2, 1), x(2), i(2) + 1),
    "cosine_embedding_loss": lambda x, i: F.cosine_embedding_loss(x(2, 3), x(3), i(2) + 1),
    "cosine_similarity, eps -1": lambda x, i: F.cosine_similarity(x(2, 3), x(2, 3), eps=-1.0),
    "cosine_similarity, eps nan": lambda x, i: F.cosine_similarity(x(2, 3), x(2, 3), eps=nan),
    "soft_margin_loss, target in columns": lambda x, i: F.soft_margin_loss(x(4), i(4, 1) + 1),
    "soft_margin_loss, larger target": lambda x, i: F.soft_margin_loss(x(3), i(2, 3) + 1),
    "triplet_margin_loss": lambda x, i: F.triplet_margin_loss(x(2), x(2), x(2), margin=0.0),
    "triplet_margin_with_distance_loss": lambda x, i: F.triplet_margin_with_distance_loss(
        x(2, 3), x(3), x(2, 3)
    ),
    "gaussian_nll_loss": lambda x, i: F.gaussian_nll_loss(x(2), i(2), i(3).double() + 1),
    "poisson_nll_loss": lambda x, i: F.poisson_nll_loss(x(2), i(2), reduction="other"),
    "binary_cross_entropy": lambda x, i: F.binary_cross_entropy(x(2) * 0, i(3).double()),
    "binary_cross_entropy_with_logits": lambda x, i: F.binary_cross_entropy_with_logits(
        x(2), i(2, 1).double()
    ),
    "mse_loss, weight": lambda x, i: F.mse_loss(x(2), x(2), weight=x(3)),
    "l1_loss, weight": lambda x, i: F.l1_loss(x(2), x(2), weight=x(3)),
    "huber_loss, delta": lambda x, i: F.huber_loss(x(2), x(2), delta=0.0),
    "smooth_l1_loss, beta": lambda x, i: F.smooth_l1_loss(x(2), x(2), beta=-1.0),
    "embedding, padding": lambda x, i: F.embedding(i(2), x(3, 2), padding_idx=5),
    "embedding_bag, offsets": lambda x, i: F.embedding_bag(i(2), x(3, 2)),
    "embedding_bag, mode": lambda x, i: F.embedding_bag(i(2), x(3, 2), i(1), mode="other"),
    "embedding_bag, weights": lambda x, i: F.embedding_bag(
        i(2), x(3, 2), i(1), mode="mean", per_sample_weights=x(2)
    ),
    "interpolate, both": lambda x, i: F.interpolate(x(1, 2, 3), size=2, scale_factor=2.0),
    "interpolate, neither": lambda x, i: F.interpolate(x(1, 2, 3)),
    "interpolate, mode": lambda x, i: F.interpolate(x(1, 2, 3), size=2, mode="bilinear"),
    "grid_sample, mode": lambda x, i: F.grid_sample(x(1, 1, 3, 3), x(1, 2, 2, 2), mode="other"),
    "affine_grid, theta": lambda x, i: F.affine_grid(x(1, 3, 4), (1, 1, 2, 2)),
    "max_pool2d, padding": lambda x, i: F.max_pool2d(x(1, 1, 4, 4), 2, padding=2),
    "max_unpool2d, indices": lambda x, i: F.max_unpool2d(x(1, 1, 2, 2), i(1, 1, 2, 2) + 99, 2),
    "fractional_max_pool2d": lambda x, i: F.fractional_max_pool2d(x(1, 2, 5, 5), 2),
    "pad, circular": lambda x, i: F.pad(x(1, 1, 4), (5, 4), mode="circular"),
    "pad, reflect": lambda x, i: F.pad(x(1, 1, 2), (2, 1), mode="reflect"),
    "block_diag, 3 d": lambda x, i: torch.block_diag(x(2), x(1, 2, 2)),
    "pixel_shuffle": lambda x, i: F.pixel_shuffle(x(1, 7, 3, 3), 2),
    "bilinear": lambda x, i: F.bilinear(x(3, 5), x(2, 6), x(4, 5, 6)),
    "cummax, half a dimension": lambda x, i: x(3, 4).cummax(0.5),
    "cummin, half a dimension": lambda x, i: x(3, 4).cummin(0.5),
    "logcumsumexp, half a dimension": lambda x, i: x(3, 4).logcumsumexp(0.5),
    "hsplit, no op of its own": lambda x, i: torch.hsplit(x(3, 5), 2),
    "a method without an op": lambda x, i: x(3, 5).corrcoef(0),
    "pad, a value that is not taken": lambda x, i: F.pad(x(1, 1, 4), (1, 1), "reflect", 2.0),
    "attention, mask and causal": lambda x, i: F.scaled_dot_product_attention(
        x(4, 6), x(5, 6), x(5, 6), x(4, 5), is_causal=True
    ),
}


def refusal(call, make, numbers):
    """The error of a call; None without one."""
    try:
        call(make, numbers)
    except Exception as error:
        return error
    return None


def floats(*shape):
    return torch.ones(shape, dtype=torch.float64)


def integers(*shape):
    return torch.zeros(shape, dtype=torch.int64)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("everywhere", [False, True], ids=["leaves", "everywhere"])
@pytest.mark.parametrize("name", CALLS)
def test_what_torch_refuses_is_refused(name, everywhere):
    theirs = refusal(CALLS[name], lambda *s: floats(*s).requires_grad_(), integers)
    if theirs is None:
        pytest.skip("the installed torch accepts it")
    numbers = (lambda *s: pg.Variable(integers(*s))) if everywhere else integers
    ours = refusal(CALLS[name], lambda *s: pg.Variable(floats(*s), requires_grad=True), numbers)
    assert isinstance(ours, type(theirs)), f"{type(theirs).__name__}: {theirs}"
    if everywhere and hasattr(ours, "add_note"):  # of leaves alone one call has none
        said = "\n".join([str(ours), *getattr(ours, "__notes__", [])])
        assert "where: " in said
        assert "fix: " in said

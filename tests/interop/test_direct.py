"""What models call often goes to an op, without the dispatch mode of the fallback."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.cli.describing.way import Way

#: Names in torch.nn.functional, by what they are for.
OFTEN = {
    "layers": "linear embedding conv1d conv2d conv3d conv_transpose1d conv_transpose2d "
    "conv_transpose3d scaled_dot_product_attention dropout",
    "norms": "layer_norm group_norm batch_norm instance_norm rms_norm normalize",
    "activations": "relu relu6 gelu silu mish elu celu selu leaky_relu prelu rrelu hardswish "
    "hardtanh hardsigmoid hardshrink softshrink softplus softsign glu logsigmoid threshold "
    "sigmoid tanh softmax log_softmax softmin",
    "pooling": "max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d "
    "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d "
    "adaptive_max_pool2d adaptive_max_pool3d",
    "shapes": "pad interpolate grid_sample pixel_shuffle pixel_unshuffle channel_shuffle",
    "losses": "cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss "
    "binary_cross_entropy binary_cross_entropy_with_logits kl_div linear_cross_entropy "
    "ctc_loss gaussian_nll_loss poisson_nll_loss cosine_embedding_loss hinge_embedding_loss "
    "margin_ranking_loss triplet_margin_loss triplet_margin_with_distance_loss soft_margin_loss "
    "multi_margin_loss multilabel_margin_loss multilabel_soft_margin_loss",
    "distances": "cosine_similarity pairwise_distance pdist",
}


@pytest.mark.parametrize("name", [name for names in OFTEN.values() for name in names.split()])
def test_it_has_an_op_of_its_own(name):
    if not hasattr(torch.nn.functional, name):
        pytest.skip("this torch does not have it")
    assert Way.of(f"torch.nn.functional.{name}").way == "op"


def double(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


X, Y = double(0.2, 0.7, 0.4), double(0.4, 0.7, 0.2)
ROWS, SIGNS = torch.stack([X, 1 - Y]), double(1.0, -1.0)
PAIR = ROWS, ROWS.flip(1)
#: Arguments, the first of which gets a gradient.
CALLS = {
    "l1_loss": ((X, Y), {"weight": double(0.5, 1.0, 2.0)}),
    "smooth_l1_loss": ((X, Y), {"beta": 0.5}),
    "huber_loss": ((X, Y), {"delta": 0.5}),
    "binary_cross_entropy": ((X, Y), {"reduction": "sum"}),
    "binary_cross_entropy_with_logits": ((X, Y), {"reduction": "sum"}),
    "kl_div": ((X, Y), {"reduction": "batchmean"}),
    "normalize": ((X,), {"dim": 0}),
    "cosine_similarity": ((X, Y), {"dim": 0}),
    "pairwise_distance": ((X, Y), {"keepdim": True}),
    "pdist": ((ROWS,), {"p": 3.0}),
    "cosine_embedding_loss": ((*PAIR, SIGNS), {"margin": 0.2}),
    "hinge_embedding_loss": ((ROWS[:, 0], SIGNS), {"margin": 0.3}),
    "margin_ranking_loss": ((ROWS[:, 0], ROWS[:, 1], SIGNS), {"margin": 0.7}),
    "triplet_margin_loss": ((*PAIR, ROWS**2), {"swap": True}),
    "triplet_margin_with_distance_loss": ((*PAIR, ROWS**2), {"margin": 2.0}),
    "gaussian_nll_loss": ((X, Y, double(0.5, 1.0, 2.0)), {"full": True}),
    "poisson_nll_loss": ((X, 5 * Y), {"full": True}),
    "soft_margin_loss": ((ROWS[:, 0], SIGNS), {"reduction": "none"}),
    "multi_margin_loss": ((ROWS, torch.tensor([0, 2])), {"p": 2}),
    "multilabel_margin_loss": ((X, torch.tensor([1, -1, 0])), {"reduction": "sum"}),
    "multilabel_soft_margin_loss": ((X, Y), {"weight": Y}),
    "ctc_loss": ((ROWS.log_softmax(-1), torch.tensor([1]), (2,), (1,)), {"reduction": "sum"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_none_of_its_parts_takes_the_fallback(name, monkeypatch):
    called = []
    monkeypatch.setattr(
        pg.registry, "fall_back", lambda function, *_, **__: called.append(function)
    )
    (x, *others), options = CALLS[name]
    v, t = pg.Variable(x, requires_grad=True), x.clone().requires_grad_()
    function = getattr(torch.nn.functional, name)
    ours, theirs = function(v, *others, **options), function(t, *others, **options)
    assert called == []
    torch.testing.assert_close(ours.data, theirs.detach())
    ours.sum().backward()
    theirs.sum().backward()
    torch.testing.assert_close(v.grad.data, t.grad)


def test_the_weight_of_l1_loss_gets_its_gradient():
    """Which torch's function does not hand over (2.13): it was a loss without a weight."""
    x, y, w = torch.tensor([[1.0, 2.0], [4.0, 8.0], [0.5, 0.25]], dtype=torch.float64)
    ours, theirs = pg.Variable(w, requires_grad=True), w.clone().requires_grad_()
    for given in (x, pg.Variable(x)):
        ours.grad = theirs.grad = None
        torch.nn.functional.l1_loss(given, y, weight=ours).backward()
        torch.nn.functional.l1_loss(x, y, weight=theirs).backward()
        torch.testing.assert_close(ours.grad.data, theirs.grad)

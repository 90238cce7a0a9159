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
    "binary_cross_entropy binary_cross_entropy_with_logits kl_div linear_cross_entropy",
}


@pytest.mark.parametrize("name", [name for names in OFTEN.values() for name in names.split()])
def test_it_has_an_op_of_its_own(name):
    if not hasattr(torch.nn.functional, name):
        pytest.skip("this torch does not have it")
    assert Way.of(f"torch.nn.functional.{name}").way == "op"


_LOSSES = {
    "l1_loss": {"weight": torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)},
    "smooth_l1_loss": {"beta": 0.5},
    "huber_loss": {"delta": 0.5},
    "binary_cross_entropy": {"reduction": "sum"},
    "binary_cross_entropy_with_logits": {"reduction": "sum"},
    "kl_div": {"reduction": "batchmean"},
    "normalize": {"dim": 0},
}


@pytest.mark.parametrize("name", _LOSSES)
def test_none_of_its_parts_takes_the_fallback(name, monkeypatch):
    called = []
    monkeypatch.setattr(
        pg.registry, "fall_back", lambda function, *_, **__: called.append(function)
    )
    x = torch.tensor([0.2, 0.7, 0.4], dtype=torch.float64)
    y = () if name == "normalize" else (x.flip(0),)
    v, t = pg.Variable(x, requires_grad=True), x.clone().requires_grad_()
    function = getattr(torch.nn.functional, name)
    ours, theirs = function(v, *y, **_LOSSES[name]), function(t, *y, **_LOSSES[name])
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

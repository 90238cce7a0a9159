"""lp_pool of norm_type 1 is a sum: its gradient is 1 also where a window adds up to 0."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

POOLS = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
SUMS = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
LAYERS = {1: torch.nn.LPPool1d, 2: torch.nn.LPPool2d, 3: torch.nn.LPPool3d}


def inputs(dims):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, *[5] * dims, generator=generator, dtype=torch.float64).relu()
    x[0] = 0
    x[1, 0] = -0.0
    x[1, 1].flatten()[:2] = torch.tensor([1.0, -1.0], dtype=torch.float64)
    return x


@pytest.mark.parametrize("dims", POOLS)
@pytest.mark.parametrize("norm_type", [1, 1.0])
@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"ceil_mode": True}], ids=str)
def test_torchs_values_and_the_gradient_of_a_sum(dims, norm_type, options):
    x = pg.Variable(inputs(dims), requires_grad=True)
    y = POOLS[dims](x, norm_type, 2, **options)
    expected = POOLS[dims](x.data, norm_type, 2, **options)
    assert torch.equal(y.data, expected)
    assert torch.equal(y.data.signbit(), expected.signbit())
    weights = torch.arange(y.data.numel(), dtype=torch.float64).reshape(y.shape)
    t = x.data.clone().requires_grad_()
    (right,) = torch.autograd.grad(SUMS[dims](t, 2, **options) * 2**dims, t, weights)
    (g,) = pg.grad(y, x, weights, create_graph=True)
    torch.testing.assert_close(g.data, right)
    (h,) = pg.grad(g, x, torch.ones_like(g.data), allow_unused=True, materialize_grads=True)
    assert torch.equal(h.data, torch.zeros_like(h.data))


@pytest.mark.parametrize("dims", POOLS)
def test_a_layer_and_transforms(dims):
    x, layer = inputs(dims), LAYERS[dims](1, 2)
    t = x.clone().requires_grad_()
    (right,) = torch.autograd.grad((SUMS[dims](t, 2) * 2**dims).sum(), t)
    torch.testing.assert_close(pg.func.grad(lambda x: layer(x).sum())(x), right)
    _, tangent = pg.func.jvp(layer, (x,), (torch.ones_like(x),))
    torch.testing.assert_close(tangent, torch.full_like(tangent, 2**dims))
    each = pg.func.vmap(pg.func.grad(lambda x: layer(x).sum()))(x)
    torch.testing.assert_close(each, right)


def test_a_kernel_of_several_sizes():
    x = pg.Variable(torch.zeros(1, 1, 2, 3, dtype=torch.float64), requires_grad=True)
    y = F.lp_pool2d(x, 1, (2, 3))
    (g,) = pg.grad(y.sum(), x)
    assert torch.equal(g.data, torch.ones_like(x.data))


@pytest.mark.parametrize("norm_type", [2, 3.0, float("inf")])
def test_other_norms_are_torchs(norm_type):
    x = inputs(1)[1:, 2:] + 0.1
    mine, theirs = pg.Variable(x, requires_grad=True), x.clone().requires_grad_()
    results = [F.lp_pool1d(t, norm_type, 2) for t in (mine, theirs)]
    assert torch.equal(results[0].data, results[1])
    if norm_type < 4 or torch.equal(results[1], F.max_pool1d(theirs.abs(), 2)):  # as torch has it
        (g,), (right,) = (
            pg.grad(results[0].sum(), mine),
            torch.autograd.grad(results[1].sum(), theirs),
        )
        torch.testing.assert_close(g.data, right)


def test_a_call_that_torch_refuses():
    x = pg.Variable(torch.zeros(1, 1, 2), requires_grad=True)
    with pytest.raises(TypeError, match="kernel_size"):
        F.lp_pool1d(x, 1)

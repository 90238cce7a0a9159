"""Functions that torch.autocast computes in float32, of narrow tensors, beside torch."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

import plugrad as pg
from plugrad.core.installed_torch import torch_before

#: A function and the shapes of its tensors.
FUNCTIONS = {
    "grid_sample": (lambda x, g: functional.grid_sample(x, g, align_corners=False), (1, 2, 4, 4)),
    "grid_sample, volumes": (
        lambda x, g: functional.grid_sample(x, g, align_corners=False),
        (1, 2, 3, 4, 4),
    ),
    "adaptive_avg_pool3d": (lambda x: functional.adaptive_avg_pool3d(x, 2), (1, 2, 4, 4, 4)),
    "adaptive_max_pool3d": (lambda x: functional.adaptive_max_pool3d(x, 2), (1, 2, 4, 4, 4)),
    "max_pool3d": (lambda x: functional.max_pool3d(x, 2), (1, 2, 4, 4, 4)),
    "reflect": (lambda x: functional.pad(x, (1, 1), "reflect"), (1, 2, 5)),
    "reflect, images": (lambda x: functional.pad(x, (1, 1, 2, 1), "reflect"), (1, 2, 5, 4)),
    "replicate": (lambda x: functional.pad(x, (1, 2), "replicate"), (1, 2, 5)),
}

#: Those of which this torch has no second derivative.
ONCE = {"grid_sample", "grid_sample, volumes"} if torch_before("2.13") else set()


def tensors(name):
    torch.manual_seed(3)
    shape = FUNCTIONS[name][1]
    x = torch.randn(shape, dtype=torch.bfloat16)
    if not name.startswith("grid"):
        return [x]
    dims = len(shape) - 2
    return [x, torch.rand(1, *[2] * dims, dims).mul(1.6).sub(0.8).bfloat16()]


def in_autocast(function, values, grad, twice):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = function(*values)
    cotangent = torch.linspace(0.5, 1.5, y.numel(), dtype=y.dtype).view(y.shape)
    first = grad(y, values, cotangent, create_graph=True)
    if not twice:
        return y, first, ()
    second = grad((first[0] * first[0]).sum(), values, allow_unused=True)
    return y, first, second


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_both_gradients_are_torchs(name):
    function, given, twice = FUNCTIONS[name][0], tensors(name), name not in ONCE
    leaves = [t.clone().requires_grad_() for t in given]
    theirs = in_autocast(function, leaves, torch.autograd.grad, twice)
    ours = in_autocast(function, [pg.Variable(t.clone(), True) for t in given], pg.grad, twice)
    assert ours[0].dtype is theirs[0].dtype is torch.float32
    torch.testing.assert_close(ours[0].data, theirs[0].detach())
    for got, expected in zip((*ours[1], *ours[2]), (*theirs[1], *theirs[2]), strict=True):
        if expected is not None:
            assert got.dtype is expected.dtype is torch.bfloat16
            torch.testing.assert_close(got.data, expected.detach(), rtol=2e-2, atol=2e-2)

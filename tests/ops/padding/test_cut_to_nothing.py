"""A padding that cuts off all elements: the gradient is 0, and not what the memory held."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg


@pytest.fixture
def filled_memory():
    """Has torch fill with nan what it hands out uninitialized."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    assert torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(before)


CASES = [
    ((2, 2, 1, 3, 1), (0, 0, 2, 0, -1, 0)),
    ((2, 1, 3, 1), (0, 0, 2, 0, -1, 0)),
    ((1, 2, 2, 2), (-1, -1, 0, 1, 1, 0)),
    ((1, 2, 2, 2), (0, 1, -2, 0, 1, 0)),
    ((1, 2, 3), (0, 1, -2, 0)),
    ((1, 2, 3), (-2, -1, 0, 1)),
    ((1, 2), (-1, -1)),
]


@pytest.mark.usefixtures("filled_memory")
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "constant"])
@pytest.mark.parametrize(("shape", "pad"), CASES, ids=str)
def test_the_gradient_is_0(shape, pad, mode):
    x = pg.Variable(torch.ones(shape, dtype=torch.float64), requires_grad=True)
    try:
        y = F.pad(x, pad, mode)
    except RuntimeError:
        pytest.skip("torch refuses it")
    assert y.numel() == 0
    cotangent = pg.Variable(torch.ones_like(y.data), requires_grad=True)
    (g,) = pg.grad(y, x, cotangent, create_graph=True)
    assert torch.equal(g.data, torch.zeros(shape, dtype=torch.float64))
    (h,) = pg.grad(g, cotangent, torch.ones_like(g.data))
    assert h.shape == y.shape
    g = pg.func.grad(lambda x: F.pad(x, pad, mode).sum())(x.data)
    assert torch.equal(g, torch.zeros(shape, dtype=torch.float64))


@pytest.mark.usefixtures("filled_memory")
def test_the_kernel_called_by_its_name():
    x = torch.ones(1, 1, 3, 1, dtype=torch.float64)
    gy = pg.Variable(torch.ones(1, 0, 5, 1, dtype=torch.float64), requires_grad=True)
    g = torch.ops.aten.reflection_pad3d_backward.default(gy, x, [0, 0, 2, 0, -1, 0])
    assert torch.equal(g.data, torch.zeros_like(x))

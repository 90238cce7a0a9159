"""What the laws cannot compare: torch's gradient of a window that is all padding is wrong."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg


@pytest.mark.parametrize(
    ("pool", "shape"),
    [(F.max_pool1d, (1, 1)), (F.max_pool2d, (1, 2, 1)), (F.max_pool3d, (1, 2, 2, 1))],
)
def test_a_window_of_padding_has_no_gradient(pool, shape):
    # The last dimension has one element, and the two of a window are on both sides of it.
    x = pg.Variable(torch.ones(shape, dtype=torch.float64), requires_grad=True)
    dims = len(shape) - 1
    kernel = (1,) * (dims - 1) + (2,)
    y = pool(x, kernel, 1, tuple(k // 2 for k in kernel), kernel)
    assert bool((y.data == -torch.inf).all())
    (gx,) = pg.grad(y, x, torch.ones_like(y.data))
    assert torch.equal(gx.data, torch.zeros(shape, dtype=torch.float64))


def test_windows_beside_one_of_padding_keep_theirs():
    x = pg.Variable(torch.tensor([[1.0, 2.0]], dtype=torch.float64), requires_grad=True)
    y = F.max_pool1d(x, 2, 1, 1, 3)  # the windows are at -1 and 2; x has 0 and 1
    assert torch.equal(y.data, torch.tensor([[-torch.inf]], dtype=torch.float64))
    longer = pg.Variable(torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64), requires_grad=True)
    y = F.max_pool1d(longer, 2, 1, 1, 3)  # at -1 and 2; at 0 and 3
    (gx,) = pg.grad(y, longer, torch.tensor([[5.0, 7.0]], dtype=torch.float64))
    assert torch.equal(gx.data, torch.tensor([[7.0, 0.0, 5.0]], dtype=torch.float64))

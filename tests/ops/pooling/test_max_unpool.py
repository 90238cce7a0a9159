"""Windows that overlap name one element twice; its gradient goes through once."""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg


def test_pooled_and_put_back_by_overlapping_windows():
    data = torch.tensor([[[0.0, 5.0, 1.0]]], dtype=torch.float64)
    x = pg.Variable(data, requires_grad=True)
    pooled, places = F.max_pool2d(x, (1, 2), 1, return_indices=True)
    y = torch.ops.aten.max_unpool2d.default(pooled, places, [1, 3])
    assert torch.equal(y.data, torch.tensor([[[0.0, 5.0, 0.0]]], dtype=torch.float64))
    (gx,) = pg.grad(y.sum(), x)  # torch: 2 at the middle, where y[1] = x[1]
    assert torch.equal(gx.data, torch.tensor([[[0.0, 1.0, 0.0]]], dtype=torch.float64))


def test_of_nans_at_one_place_the_last_has_the_gradient():
    data = torch.tensor([[[1.0, torch.nan, torch.nan]]], dtype=torch.float64)
    x = pg.Variable(data, requires_grad=True)
    y = torch.ops.aten.max_unpool2d.default(x, torch.tensor([[[0, 1, 1]]]), [1, 2])
    (gx,) = pg.grad(y, x, torch.tensor([[[3.0, 4.0]]], dtype=torch.float64))
    assert torch.equal(gx.data, torch.tensor([[[3.0, 0.0, 4.0]]], dtype=torch.float64))

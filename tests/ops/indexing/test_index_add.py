"""index_add: a source that torch lets pass without using it."""

from __future__ import annotations

import torch

import plugrad as pg


def test_nothing_to_add_to():
    x = pg.Variable(torch.ones(0, 3), requires_grad=True)
    source = pg.Variable(torch.ones(2, 3), requires_grad=True)
    z = torch.index_add(x, 0, torch.tensor([0, 0]), source)
    gx, gsource = pg.grad(z.sum(), [x, source])
    assert gx.shape == (0, 3)
    assert gsource.tolist() == [[0, 0, 0], [0, 0, 0]]

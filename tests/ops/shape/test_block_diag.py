"""block_diag: after an empty vector, where torch's own gradient is a row off."""

from __future__ import annotations

import torch

import plugrad as pg


def test_the_gradients_after_an_empty_vector_are_where_the_blocks_are():
    empty = pg.Variable(torch.zeros(0), requires_grad=True)
    number = pg.Variable(torch.tensor(3.0), requires_grad=True)
    y = torch.block_diag(empty, number)
    assert y.data.tolist() == [[0.0], [3.0]]
    y.backward(torch.tensor([[5.0], [7.0]]))
    assert number.grad.item() == 7
    assert empty.grad.shape == (0,)

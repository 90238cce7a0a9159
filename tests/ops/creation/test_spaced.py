"""linspace and logspace of plain ends, with Variables for the other numbers."""

from __future__ import annotations

import torch

import plugrad as pg


def test_whole_powers_of_plain_ends():
    start, end, steps = torch.tensor(0.0), torch.tensor(3.0), pg.Variable(torch.tensor(4))
    base = pg.Variable(torch.tensor(2.0), requires_grad=True)
    made = torch.ops.aten.logspace.Tensor_Tensor(start, end, steps, base, dtype=torch.int64)
    assert made.tolist() == [1, 2, 4, 8]

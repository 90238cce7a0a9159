"""bincount: its weights have a gradient, which torch's have not, in every way to call it."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

INDEX = torch.tensor([0, 2, 2])


@pytest.mark.parametrize(
    "count",
    [
        lambda w: torch.bincount(INDEX, w),
        lambda w: torch.bincount(input=INDEX, weights=w),
        lambda w: pg.Variable(INDEX).bincount(w),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_weights_have_a_gradient(count, dtype):
    w = pg.Variable(torch.tensor([1.0, 2.0, 3.0], dtype=dtype), requires_grad=True)
    y = count(w)
    assert y.tolist() == [1.0, 0.0, 5.0]
    (g,) = pg.grad((y**2).sum(), w)
    assert g.dtype is dtype
    assert g.tolist() == [2.0, 10.0, 10.0]

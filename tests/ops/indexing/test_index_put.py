"""index_put: a mask without dimensions, of which torch has no gradient."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

# To add there, and a tensor without dimensions, torch refuses in forward.


@pytest.mark.parametrize("chosen", [False, True])
@pytest.mark.parametrize("shape", [(2,), (2, 3), (0,)])
def test_a_mask_without_dimensions(shape, chosen):
    x = pg.Variable(torch.ones(shape), requires_grad=True)
    value = pg.Variable(torch.tensor(5.0), requires_grad=True)
    z = torch.index_put(x, (torch.tensor(chosen),), value)
    gx, gvalue = pg.grad(z.sum(), [x, value])
    assert gvalue.item() == (x.numel() if chosen else 0)
    assert gx.data.eq(0 if chosen else 1).all()

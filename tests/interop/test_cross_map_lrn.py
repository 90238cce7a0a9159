"""nn.CrossMapLRN2d: torch's values, and their derivatives, which torch's backward is not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import plugrad as pg


@pytest.mark.parametrize("channels", [1, 2, 5, 9])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_values_are_torchs_and_gradients_those_of_the_values(size, channels):
    torch.manual_seed(0)
    layer = nn.CrossMapLRN2d(size, alpha=0.5, beta=0.75, k=2)
    x = torch.randn(2, channels, 2, 1, dtype=torch.float64)
    v = pg.Variable(x, requires_grad=True)
    torch.testing.assert_close(layer(v).data, layer(x))
    assert pg.testing.gradcheck(layer, v)
    assert pg.testing.gradgradcheck(layer, v)


def test_what_torch_refuses():
    with pytest.raises(ValueError, match="Expected input to be 4D, got 3D"):
        nn.CrossMapLRN2d(3)(pg.Variable(torch.ones(1, 2, 3), requires_grad=True))

"""linalg.polar where singular values repeat: there torch's may be nan, as the processor has it."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

pytestmark = pytest.mark.skipif(
    not hasattr(torch.linalg, "polar"), reason="this torch has no linalg.polar"
)


def test_repeated_singular_values_have_both_derivatives():
    x = torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]], dtype=torch.float64)
    assert pg.testing.gradcheck(pg.ops.linalg.polar, pg.Variable(x, requires_grad=True))
    assert pg.testing.gradgradcheck(pg.ops.linalg.polar, pg.Variable(x, requires_grad=True))

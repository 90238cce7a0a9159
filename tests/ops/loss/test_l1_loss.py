"""l1_loss of a number without dimensions in another dtype: torch broadcasts, and then promotes."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

import plugrad as pg


@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
@pytest.mark.parametrize("number_first", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.complex64])
def test_the_dtype_of_the_wider_one(dtype, number_first):
    def leaves(make):
        both = torch.tensor([0.75, 2.0], dtype=torch.float16), torch.tensor(1.5, dtype=dtype)
        return [make(t) for t in (reversed(both) if number_first else both)]

    ours = leaves(lambda t: pg.Variable(t, requires_grad=True))
    theirs = leaves(lambda t: t.requires_grad_())
    got, expected = functional.l1_loss(*ours), functional.l1_loss(*theirs)
    torch.testing.assert_close(got.data, expected.detach())
    got.backward()
    expected.backward()
    for x, t in zip(ours, theirs, strict=True):
        torch.testing.assert_close(x.grad.data, t.grad)

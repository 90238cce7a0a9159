"""grouped_mm: rows that are in no group, and the second derivative."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad.tests.installed import needs_op

pytestmark = needs_op("nn.functional.grouped_mm")


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_what_is_in_no_group_is_zero():
    offs = torch.tensor([1, 4], dtype=torch.int32)
    x, y = (pg.Variable(t, requires_grad=True) for t in (numbers(6, 8), numbers(2, 8, 4, seed=1)))
    z = torch._grouped_mm(x, y, offs=offs)
    assert not z.data[4:].any()
    torch.testing.assert_close(z.data[1:4], x.data[1:4] @ y.data[1])
    cotangent = numbers(6, 4, seed=2)
    gx, gy = pg.grad(z, (x, y), cotangent)
    assert not gx.data[4:].any()
    torch.testing.assert_close(gx.data[:1], cotangent[:1] @ y.data[0].mT)
    torch.testing.assert_close(gy.data[1], x.data[1:4].mT @ cotangent[1:4])


def test_a_sum_has_a_second_derivative():
    # Its cotangent is expanded, which torch's own backward refuses.
    offs = torch.tensor([2, 4], dtype=torch.int32)
    x, y = (pg.Variable(t, requires_grad=True) for t in (numbers(4, 8), numbers(2, 8, 4, seed=1)))
    (gx,) = pg.grad(torch._grouped_mm(x, y, offs=offs).sum(), x, create_graph=True)
    (gy,) = pg.grad(gx.square().sum(), y)
    sums = y.data.sum(-1)
    expected = 2 * 2 * sums.unsqueeze(-1).expand(2, 8, 4)
    torch.testing.assert_close(gy.data, expected)

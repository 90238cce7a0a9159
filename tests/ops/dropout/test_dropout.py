"""dropout: the same random numbers as torch, also when it is asked to work in place."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


@pytest.fixture(autouse=True)
def _keep_the_generator():
    with torch.random.fork_rng(devices=[]):
        yield


def test_the_same_seed_gives_torchs_mask():
    x = pg.Variable(torch.ones(1000), requires_grad=True)
    torch.manual_seed(3)
    ours = torch.nn.functional.dropout(x, 0.3)
    torch.manual_seed(3)
    theirs = torch.nn.functional.dropout(x.data, 0.3)
    assert torch.equal(ours.data, theirs)
    ours.sum().backward()
    assert torch.equal(x.grad.data, theirs)
    assert 0.2 < (theirs == 0).float().mean() < 0.4


def test_in_place():
    x = pg.Variable(torch.ones(8), requires_grad=True)
    y = x * 1
    assert torch.nn.functional.dropout(y, 0.5, inplace=True) is y
    y.sum().backward()
    assert torch.equal(x.grad.data, y.data)


def test_a_probability_out_of_range_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        torch.nn.functional.dropout(pg.Variable(torch.ones(2)), 1.5)

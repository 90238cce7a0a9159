"""A slope, a bound or a threshold has no gradient, and a Variable that wants one is refused."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

CALLS = {
    "nn.functional.leaky_relu": ("negative_slope", lambda x, v: F.leaky_relu(x, v)),
    "nn.functional.elu": ("alpha", lambda x, v: F.elu(x, v)),
    "nn.functional.celu": ("alpha", lambda x, v: F.celu(x, v)),
    "nn.functional.hardtanh": ("max_val", lambda x, v: F.hardtanh(x, -1.0, v)),
    "nn.functional.threshold": ("threshold", lambda x, v: F.threshold(x, v, 0.0)),
    "nn.functional.rrelu": ("lower", lambda x, v: F.rrelu(x, v, 0.9)),
}


@pytest.mark.parametrize("name", CALLS)
def test_one_that_requires_grad(name):
    parameter, call = CALLS[name]
    x = pg.Variable(torch.ones(2), requires_grad=True)
    slope = pg.Variable(torch.tensor(0.5), requires_grad=True)
    with pytest.raises(pg.errors.ArgumentError) as caught:
        call(x, slope)
    assert f"{parameter!r} of {name}() is a Variable that requires grad" in str(caught.value)
    assert "fix: pass a number, or .detach() of the Variable" in str(caught.value)
    assert torch.equal(call(x, slope.detach()).data, call(x.data, 0.5))

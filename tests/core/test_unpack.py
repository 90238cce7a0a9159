"""Numbers of NumPy in a call: what Python's would give, values and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

CALLS = {
    "power": lambda x, n: (x ** n(2), n(2) ** x, torch.pow(x, n(3)), torch.pow(n(3), x)),
    "operators": lambda x, n: (x * n(2), n(2) - x, x / n(4), n(1) < x, x == n(1)),
    "options": lambda x, n: (torch.add(x, x, alpha=n(2)), x.clamp(max=n(1)), x.norm(n(2))),
    "activations": lambda x, n: (
        F.elu(x, n(2)),
        F.softplus(x, n(2)),
        F.hardtanh(x, n(0), n(1)),
        F.threshold(x, n(1), n(3)),
        F.softshrink(x, n(1)),
        F.rrelu(x, n(1), n(1)),
    ),
    "loss": lambda x, n: F.multi_margin_loss(x, torch.tensor([1, 0]), 1, n(1)),
    "in place": lambda x, n: (x * 1).mul_(n(2)).add_(x, alpha=n(3)).pow_(n(2)).clamp_(max=n(9)),
    "a truth": lambda x, n: (x * type(n(1) == 1)(True), (n(1) == 1) * x),
}  # fmt: skip
SIZES = {
    "view": lambda x, n: (x.view(n(4)), x.reshape((n(1), -1)), x.expand(n(2), -1, -1)),
    "dims": lambda x, n: (x.sum(n(0)), x.transpose(n(0), n(1)), x[n(1)], x[:, n(0)]),
    "split": lambda x, n: torch.unsafe_split(x, n(1)),
}


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", CALLS)
def test_a_number_of_numpy_is_one(name, kind):
    _compare(CALLS[name], kind)


@pytest.mark.parametrize("kind", [np.int64, np.int32])
@pytest.mark.parametrize("name", SIZES)
def test_a_number_of_numpy_is_a_size(name, kind):
    _compare(SIZES[name], kind)


def _compare(call, kind):
    found = []
    for number in (kind, int):
        x = pg.Variable(torch.tensor([[0.5, 1.5], [2.5, 0.25]]), requires_grad=True)
        outputs = call(x, number)
        outputs = outputs if isinstance(outputs, tuple | list) else (outputs,)
        sum(y.sum() for y in outputs if y.requires_grad).backward()
        found.append([y.data for y in outputs] + [x.grad.data])
    for got, expected in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=0)

"""clamp: ties, as each torch shares them; the samples see only what the installed one does."""

from __future__ import annotations

import sys

import pytest
import torch

import plugrad as pg

NAN = float("nan")
CLAMP = sys.modules["plugrad.ops.elementwise._clamped"]
BEFORE, SINCE = CLAMP._before_2_14, CLAMP._since_2_14

# What torch 2.13.0 and 2.14.1 gave. x, min and max; then the gradients of all three.
TIES = [
    # a bound is a number
    (BEFORE, (0.0, 0, 1), (1.0, None, None)),
    (SINCE, (0.0, 0, 1), (0.0, None, None)),
    (BEFORE, (1.0, 1, 1), (1.0, None, None)),
    (SINCE, (1.0, 1, 1), (0.0, None, None)),
    (BEFORE, (0.0, 0, None), (1.0, None, None)),
    (SINCE, (0.0, 0, None), (0.0, None, None)),
    (BEFORE, (1.0, None, 1), (1.0, None, None)),
    (SINCE, (1.0, None, 1), (0.0, None, None)),
    (BEFORE, (NAN, 0, None), (0.0, None, None)),
    (SINCE, (NAN, 0, None), (0.0, None, None)),
    (SINCE, (0.5, 0, 1), (1.0, None, None)),
    # one bound
    (BEFORE, (0.0, 0.0, None), (1.0, 0.0, None)),
    (SINCE, (0.0, 0.0, None), (0.5, 0.5, None)),
    (BEFORE, (0.0, None, 0.0), (1.0, None, 0.0)),
    (SINCE, (0.0, None, 0.0), (0.5, None, 0.5)),
    (BEFORE, (NAN, 0.0, None), (0.0, 0.0, None)),
    (SINCE, (NAN, 0.0, None), (1.0, 1.0, None)),
    (SINCE, (0.0, None, NAN), (1.0, None, 1.0)),
    (SINCE, (0.0, 1.0, None), (0.0, 1.0, None)),
    (SINCE, (0.0, None, 1.0), (1.0, None, 0.0)),
    # both
    (BEFORE, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    (SINCE, (0.0, 0.0, 1.0), (0.5, 0.5, 0.0)),
    (BEFORE, (1.0, 0.0, 1.0), (1.0, 0.0, 0.0)),
    (SINCE, (1.0, 0.0, 1.0), (0.5, 0.0, 0.5)),
    (BEFORE, (1.0, 1.0, 1.0), (1.0, 0.0, 0.0)),
    (SINCE, (1.0, 1.0, 1.0), (1.0, 0.0, 0.0)),
    (BEFORE, (0.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
    (SINCE, (0.0, 1.0, 1.0), (0.0, 1.0, 0.0)),
    (BEFORE, (2.0, 1.0, 1.0), (0.0, 0.0, 1.0)),
    (SINCE, (2.0, 1.0, 1.0), (0.0, 0.0, 1.0)),
    (BEFORE, (1.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    (SINCE, (1.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    (SINCE, (NAN, 0.0, 1.0), (1.0, 0.0, 0.0)),
    (SINCE, (NAN, 1.0, 0.0), (1.0, 0.0, 1.0)),
    (SINCE, (1.0, NAN, 0.0), (0.0, 0.0, 0.0)),
    (SINCE, (0.0, 0.0, NAN), (1.0, 0.0, 0.0)),
]


def bounds(values):
    return [torch.tensor(v, dtype=torch.float64) if isinstance(v, float) else v for v in values]


@pytest.mark.parametrize(("rule", "inputs", "expected"), TIES)
def test_a_tie_goes_as_in_the_torch_it_is_for(rule, inputs, expected):
    x, low, high = bounds(inputs)
    needed = tuple(isinstance(value, torch.Tensor) for value in (x, low, high))
    gradients = rule(torch.ones_like(x), x, low, high, needed)
    assert tuple(None if g is None else float(g) for g in gradients) == expected


@pytest.mark.parametrize("inputs", [inputs for _, inputs, _ in TIES])
def test_ties_go_as_in_the_installed_torch(inputs):
    theirs = [v.requires_grad_() if isinstance(v, torch.Tensor) else v for v in bounds(inputs)]
    ours = [
        pg.Variable(v.detach(), requires_grad=True) if isinstance(v, torch.Tensor) else v
        for v in theirs
    ]
    torch.clamp(*theirs).backward()
    torch.clamp(*ours).backward()
    for expected, got in zip(theirs, ours, strict=True):
        if isinstance(expected, torch.Tensor):
            assert torch.equal(got.grad.data, expected.grad)


def test_a_bound_beside_a_number_that_wants_a_gradient_shares_a_tie():
    # torch refuses the call, so nothing but the sum can say what is right: 1 where x is min.
    x, low = (torch.zeros((), dtype=torch.float64) for _ in range(2))
    assert SINCE(torch.ones(()), x, low, 1.0, (True, True, False)) == (0.5, 0.5, None)
    assert SINCE(torch.ones(()), x, low, 1.0, (True, False, False)) == (0.0, None, None)

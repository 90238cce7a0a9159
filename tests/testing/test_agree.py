"""agree: what counts as equal, and what is said where it is not."""

from __future__ import annotations

import math

import pytest
import torch

import plugrad as pg
from plugrad.testing.agree import agree
from plugrad.testing.violation import Violation

T = torch.tensor
D = torch.float64


@pytest.mark.parametrize(
    ("expected", "got", "allowed"),
    [
        (T([1.0, 2.0]), T([1.0, 2.0]), 0.0),
        (T([1.0, 1e3], dtype=D), T([1.0 + 1e-8, 1e3], dtype=D), 1e-10),
        (T([math.nan, math.inf]), T([math.nan, math.inf]), 0.0),
        (None, T([0.0]), 0.0),
        (T([0.0]), None, 0.0),
        (None, None, 0.0),
        (T([1 + 1j]), T([1 + 1j]), 0.0),
        (T([True, False]), T([True, False]), 0.0),
        (torch.zeros(0), torch.zeros(0), 0.0),
        (T([1e-17], dtype=D), T([0.0], dtype=D), 1e-10),
        (3, 3, 0.0),
        (pg.Variable([1.0]), T([1.0]), 0.0),
    ],
)
def test_the_same(expected, got, allowed):
    agree(expected, got, "x", allowed, "differs")


@pytest.mark.parametrize(
    ("expected", "got", "told"),
    [
        (T([1.0, 2.0]), T([1.0, 2.5]), r"x\[1\]: expected 2, got 2.5 \(off by 0.5, relative 0.25"),
        (T([[1.0], [2.0]]), T([[4.0], [2.0]]), r"x\[0, 0\]: expected 1, got 4"),
        (T(1.0), T(2.0), r"x\[\]: expected 1, got 2"),
        (T([1.0]), T([math.nan]), "expected 1, got nan"),
        (T([math.inf]), T([-math.inf]), "expected inf, got -inf"),
        (T([math.nan]), T([1.0]), "expected nan, got 1"),
        (None, T([1.0]), "expected 0, got 1"),
        (T([1.0]), T([[1.0]]), r"expected float32\[1\], got float32\[1, 1\]"),
        (T([1.0]), T([1.0], dtype=D), r"expected float32\[1\], got float64\[1\]"),
        (T([True]), T([False]), "expected True, got False"),
        (T([3]), T([4]), "expected 3, got 4"),
        (3, 3.0, "expected 3, got 3.0"),
    ],
)
def test_not_the_same(expected, got, told):
    with pytest.raises(Violation, match=f"^differs: x.*{told}" if told[0] != "x" else told):
        agree(expected, got, "x", 1e-3, "differs")


def test_the_numbers_are_there():
    with pytest.raises(Violation) as caught:
        agree(T([1.0, 4.0], dtype=D), T([1.0, 5.0], dtype=D), "gradient of x", 1e-10, "wrong")
    mismatch = caught.value.mismatch
    assert (mismatch.what, mismatch.index) == ("gradient of x", (1,))
    assert (mismatch.expected, mismatch.got) == ("4", "5")
    assert (mismatch.absolute, mismatch.relative, mismatch.tolerance) == (1.0, 0.25, 1e-10)

"""agree: the comparison, and the cause that it names."""

from __future__ import annotations

import math

import pytest
import torch

import plugrad as pg
from plugrad.testing.agree import agree, probable_cause
from plugrad.testing.law import Violation

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


E = torch.tensor([1.0, -2.0, 3.5], dtype=torch.float64)
C = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128)


@pytest.mark.parametrize(
    ("expected", "got", "told"),
    [
        (E, E * (1 + 2e-16), "rounding"),
        (E, E.float().double() * (1 + 3e-8), "float32 arithmetic inside"),
        (E, -E, "the sign is flipped"),
        (E, E * 0, "the gradient was dropped"),
        (E, E * 1.01, "scaled by 1.01"),
        (E, torch.tensor([1.0, -2.0, 3.6], dtype=torch.float64), "1 of 3 elements is wrong"),
        (E * 0, E, "a part of the gradient should be zero"),
        (E, E * math.nan, "0 * inf or 0 / 0"),
        (E, E / 0, "a division by zero"),
        (C, C.conj().resolve_conj(), "conj: a factor is not conjugated"),
        (E, E + 1j, "a real input got a complex gradient"),
        (E, E.expand(2, 3), "broadcast: a sum"),
        (torch.ones(2, 3), torch.ones(3, 2), "transposed"),
        (torch.ones(2), torch.ones(3), "keepdim or dim"),
        (E, torch.tensor([5.0, 1.0, 0.3], dtype=torch.float64), ""),
        (torch.tensor([1, 2]), torch.tensor([2, 1]), ""),
    ],
)
def test_says(expected, got, told):
    cause = probable_cause(expected, got)
    assert cause.startswith(told)
    assert bool(cause) == bool(told)

"""probable_cause: the words for each kind of wrong gradient."""

from __future__ import annotations

import math

import pytest
import torch

from plugrad.testing.cause import probable_cause

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
        (E, torch.tensor([1.0, -2.0, 3.6], dtype=torch.float64), "1 of 3 elements are wrong"),
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

"""In-place operators with numbers that torch does not know: refused, or as torch reads them."""

from __future__ import annotations

import operator
from decimal import Decimal
from fractions import Fraction

import pytest
import torch

import plugrad as pg

OPERATORS = ("iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor")


def outcome(leaf, name, number):
    """The result of the operator, as numbers, or the kind of error."""
    x = leaf(torch.tensor([1.5, 2.5]))
    try:
        return getattr(operator, name)(x, number).detach().tolist()
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("number", [Fraction(1, 2), Decimal("0.5")], ids=type)
@pytest.mark.parametrize("name", OPERATORS)
def test_a_constant_is_not_silently_left_as_it_was(name, number):
    expected = outcome(torch.clone, name, number)
    assert outcome(pg.Variable, name, number) == expected
    assert expected != [1.5, 2.5]

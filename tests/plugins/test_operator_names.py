"""Which of a Variable's methods are binary operators."""

from __future__ import annotations

from plugrad.plugins.operator_names import BINARY, REFLECTED


def test_reflected_ones_swap_operands():
    assert {"__radd__", "__rpow__", "__rmatmul__"} <= REFLECTED
    assert {"__add__", "__eq__", "__pow__"} <= BINARY
    assert not BINARY & REFLECTED
    assert "__neg__" not in BINARY | REFLECTED

"""RegisteredOp and Claims: operators, and who gets a name."""

from __future__ import annotations

import itertools

import pytest

import plugrad as pg
from plugrad.plugins.registered_op import BINARY, REFLECTED, Claims, RegisteredOp


def test_reflected_ones_swap_operands():
    assert {"__radd__", "__rpow__", "__rmatmul__"} <= REFLECTED
    assert {"__add__", "__eq__", "__pow__"} <= BINARY
    assert not BINARY & REFLECTED
    assert "__neg__" not in BINARY | REFLECTED


def entry(pack):
    @pg.op("named")
    class Named(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

    return RegisteredOp.of(Named, pack)


BUILT_IN, OWN, ONE, TWO = map(entry, ("plugrad", "local", "one", "two"))


@pytest.mark.parametrize(
    ("claimants", "owner"),
    [
        ([ONE], ONE),
        ([ONE, TWO], None),
        ([ONE, OWN], OWN),
        ([ONE, TWO, OWN], OWN),
        ([ONE, BUILT_IN], BUILT_IN),
        ([ONE, TWO, OWN, BUILT_IN], BUILT_IN),
    ],
)
def test_who_gets_it_does_not_depend_on_the_order(claimants, owner):
    for order in itertools.permutations(claimants):
        claims = Claims()
        for claimant in order:
            claims.add("key", claimant)
        assert claims.get("key") is owner
        assert claims.claimants("key") == order
        assert claims.rivals("key") == (() if owner else order)
        assert dict(claims.contested()) == ({"key": order} if len(order) > 1 else {})


def test_a_claim_taken_back_leaves_it_to_the_others():
    claims = Claims()
    for claimant in (ONE, TWO, OWN):
        claims.add("key", claimant)
    claims.remove("key", OWN)
    assert claims.get("key") is None
    claims.remove("key", TWO)
    assert claims["key"] is ONE
    claims.remove("key", ONE)
    assert "key" not in claims
    assert claims.rivals("key") == claims.rivals("another") == ()

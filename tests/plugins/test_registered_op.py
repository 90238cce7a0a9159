"""RegisteredOp and Claims: operators, and who gets a name."""

from __future__ import annotations

import itertools

import pytest

import plugrad as pg
from plugrad.plugins.registered_op import (
    BINARY,
    BUILTIN,
    REFLECTED,
    AttributeWhenUsed,
    Claims,
    RegisteredOp,
)
from plugrad.plugins.registry import Registry


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


class Wrapped:
    """What a registry attaches the ops below to."""

    def __init__(self, value):
        self.value = value


def built_in(name, compute, **declared):
    def forward(*args):
        return compute(*(x.value if isinstance(x, Wrapped) else x for x in args))

    names = {"__module__": "plugrad.ops.test", "forward": staticmethod(forward)}
    return pg.op(name, **declared)(type(name.title(), (pg.Composite,), names))


@pytest.fixture
def kind():
    registry = Registry()
    registry.add(built_in("twice", lambda x: x * 2, methods=("twice", "__neg__")), BUILTIN)
    registry.add(built_in("half", lambda x: x / 2, properties=("half",)), BUILTIN)
    registry.add(built_in("set", lambda *xs: xs, methods=("__getitem__",)), BUILTIN)
    made = type("Attached", (Wrapped,), {})
    made.registry = registry
    registry.attach(made)
    return made


def is_waiting(kind, name):
    return isinstance(vars(kind)[name], AttributeWhenUsed)


@pytest.mark.parametrize(
    ("name", "use", "result"),
    [
        ("twice", lambda x: x.twice(), 6),
        ("twice", lambda x: type(x).twice(x), 6),
        ("twice", lambda x: type("Derived", (type(x),), {})(3).twice(), 6),
        ("__neg__", lambda x: -x, 6),
        ("half", lambda x: x.half, 1.5),
        ("__getitem__", lambda x: x[1], (3, 1)),
    ],
)
def test_a_built_in_attribute_is_made_when_it_is_used(kind, name, use, result):
    assert is_waiting(kind, name)
    assert use(kind(3)) == result
    assert not is_waiting(kind, name)
    assert use(kind(3)) == result


def test_an_attribute_that_was_taken_back_does_not_return(kind):
    waiting = vars(kind)["twice"]
    kind.registry.remove("twice")
    assert waiting.__get__(kind(3), kind)() == 6  # whoever looked it up before
    assert "twice" not in vars(kind)


def test_every_attribute_of_variable_is_what_the_op_says():
    for op in pg.registry:
        for name in op.attributes if op.rank == 0 else ():
            found, made = getattr(pg.Variable, name), op.attribute(name)
            assert type(found) is type(made), name
            assert found.__doc__ == made.__doc__, name
            assert not is_waiting(pg.Variable, name), name

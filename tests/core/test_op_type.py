"""OpType: an op's rule is final, since nothing that was made of it would follow."""

from __future__ import annotations

from unittest import mock

import pytest
import torch

import plugrad as pg
from plugrad.errors import OpDefinitionError
from plugrad.ops.elementwise.mul import Mul
from plugrad.ops.elementwise.sin import Sin


def other(*_):
    raise AssertionError("not to be called")


def double():
    class Double(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, gy):
            return 2 * gy

    return Double


def ported():
    class Ported(pg.Function):
        @staticmethod
        def forward(x):
            return 2 * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def vjp(ctx, gy):
            return 2 * gy

    return Ported


def mapped():
    class Mapped(pg.Function):
        @staticmethod
        def forward(x):
            return 2 * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, gy):
            return 2 * gy

        @staticmethod
        def vmap(info, in_dims, x):
            return 2 * x, in_dims[0]

    return Mapped


def elementwise():
    class Doubled(pg.Elementwise):
        @staticmethod
        def value(x):
            return 2 * x

        @staticmethod
        def slope(x, y):
            return torch.full_like(x, 2.0)

    return Doubled


PARTS = [
    (double, "forward"),
    (double, "backward"),
    (double, "ctx_defaults"),
    (ported, "setup_context"),
    (ported, "vjp"),
    (mapped, "vmap"),
    (elementwise, "value"),
    (elementwise, "slope"),
    (elementwise, "needs"),
    (elementwise, "forward"),
]


def ids(part):
    return part if isinstance(part, str) else part.__name__


@pytest.mark.parametrize(("make", "part"), PARTS, ids=ids)
def test_a_part_of_a_rule_that_is_assigned_later_is_refused_and_nothing_changes(make, part):
    op = make()
    message = rf"{op.__name__}\.{part} cannot be changed any more: it is an op, and calls go on"
    with pytest.raises(OpDefinitionError, match=message):
        setattr(op, part, staticmethod(other))
    with pytest.raises(OpDefinitionError, match=message), mock.patch.object(op, part, other):
        pass
    if part in vars(op):
        with pytest.raises(OpDefinitionError, match=message):
            delattr(op, part)
    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    y = op.apply(x)
    y.sum().backward()
    assert y.tolist() == [2, 4]
    assert x.grad.tolist() == [2, 2]


@pytest.mark.parametrize("op", [Mul, Sin])
def test_so_it_is_of_a_built_in_op_that_nothing_has_used_yet(op):
    before = op.backward
    with pytest.raises(OpDefinitionError, match=rf"{op.__name__}.backward cannot be changed"):
        op.backward = staticmethod(other)
    assert op.backward is before


def test_the_fix_works_when_typed():
    op = double()
    with pytest.raises(OpDefinitionError) as raised:
        op.backward = staticmethod(other)
    fix = raised.value.fix
    assert fix == ("make another op of it: class Other(Double): backward = staticmethod(...)")
    names = {"Double": op}
    exec(fix.partition(": ")[2].replace("...", "lambda ctx, gy: 5 * gy"), names)
    x = pg.Variable(torch.ones(2), requires_grad=True)
    names["Other"].apply(x).sum().backward()
    assert x.grad.tolist() == [5, 5]


def test_a_part_that_an_op_inherits_is_refused_in_the_class_that_has_it():
    class Base(pg.Function):
        @staticmethod
        def backward(ctx, gy):
            return 2 * gy

    class Double(Base):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

    with pytest.raises(OpDefinitionError, match=r"Base\.backward .*: Double uses Base's") as raised:
        Base.backward = staticmethod(other)
    assert "class Other(Double)" in raised.value.fix
    Base.forward = staticmethod(other)  # Double has its own, and Base is no op without one
    assert Double.apply(pg.Variable(torch.ones(2))).tolist() == [2, 2]


def test_what_is_asked_for_when_it_is_used_can_be_assigned():
    op = double()
    op.jvp = staticmethod(lambda ctx, tx: 7 * tx)
    op.samples = staticmethod(lambda make: iter([pg.Sample(make(2))]))
    _, tangent = pg.func.jvp(op.apply, (torch.ones(2),), (torch.ones(2),))
    assert tangent.tolist() == [7, 7]
    statuses = {r.status for r in pg.testing.check_op(op, laws=("numeric",)).results}
    assert statuses == {"passed"}
    del op.jvp
    _, tangent = pg.func.jvp(op.apply, (torch.ones(2),), (torch.ones(2),))
    assert tangent.tolist() == [2, 2]

"""Forward mode by dual Variables: what their tangents are, whatever is changed in place."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from plugrad.tests.notes.engines import close, values

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # torch loads decompositions


@pytest.fixture
def level(engine):
    """Inside a level: a namespace with make(primal, tangent) and tangent(value)."""
    with engine.forward_ad.dual_level():
        yield Level(engine)


class Level:
    def __init__(self, engine):
        self.make, self.unpack = engine.forward_ad.make_dual, engine.forward_ad.unpack_dual
        self.tensor = engine.tensor

    def dual(self, primal, tangent):
        return self.make(self.tensor(primal), self.tensor(tangent))

    def tangent(self, value):
        return self.unpack(value).tangent


# --- a tangent that is changed in place ----------------------------------------------


@pytest.mark.parametrize("call", [lambda d: d * d, lambda d: d.clone() * 6, lambda d: d.sin()])
def test_a_call_uses_the_tangent_of_its_time(level, call):
    t, once = level.tensor([1.0]), level.dual([3.0], [1.0])
    d = level.make(level.tensor([3.0]), t)
    before = call(d)
    t.add_(1)
    after = call(d)
    t.mul_(5)
    close(level.tangent(before), level.tangent(call(once)))
    close(level.tangent(after), 2 * level.tangent(call(once)))
    assert values(level.tangent(d)) == [10]


def test_the_tangent_of_a_dual_is_what_it_was_made_of(level):
    t = level.tensor([1.0, 2.0])
    d = level.make(level.tensor([3.0, 4.0]), t)
    assert level.tangent(d) is t
    assert level.tangent(d) is level.tangent(d)
    assert level.unpack(d).primal is not level.unpack(d).primal


def test_a_tangent_laid_out_differently_is_copied(level):
    t = level.tensor([[1.0, 2.0], [3.0, 4.0]]).t()
    d = level.make(level.tensor([[5.0, 6.0], [7.0, 8.0]]), t)
    t.add_(1)
    assert values(level.tangent(d)) == [[1, 3], [2, 4]]
    wide = level.tensor([1.0]).expand(2)
    d = level.make(level.tensor([1.0, 2.0]), wide)
    d.mul_(3)
    assert values(level.tangent(d)) == [3, 3]
    assert values(wide) == [1, 1]


def test_what_is_written_to_an_unpacked_tangent_stays(level):
    d = level.dual([1.0, 2.0], [1.0, 2.0])
    y = d * d
    before = y * 2
    level.tangent(y).add_(1)
    after = y * 2
    level.tangent(y).add_(10)
    assert values(level.tangent(before)) == [4, 16]
    assert values(level.tangent(after)) == [6, 18]
    assert values(level.tangent(y)) == [13, 19]
    assert values(level.tangent(d)) == [1, 2]


def test_the_tangent_of_a_view_is_a_view(level):
    t = level.tensor([1.0, 1.0])
    d = level.make(level.tensor([1.0, 2.0]), t)
    v = d[0]
    before = v * 3
    t.add_(1)
    after = v * 3
    level.tangent(v).add_(5)
    assert values(level.tangent(before)) == 3
    assert values(level.tangent(after)) == 6
    assert values(level.tangent(v * 2)) == 14
    assert values(t) == [7, 2]


def test_the_tangent_of_a_view_of_a_result_is_a_view(level):
    y = level.dual([1.0, 2.0], [1.0, 2.0]).square()
    first, second = y.unbind()
    level.tangent(y[:1]).add_(1)
    level.tangent(first).mul_(2)
    assert values(level.tangent(y)) == [6, 8]
    assert values(level.tangent(y * 3)) == [18, 24]
    assert values(level.tangent(second)) == 8


def test_a_changed_tangent_keeps_its_gradient(engine):
    p, t, w = engine.leaf([3.0, 1.0]), engine.leaf([1.0, 2.0]), engine.leaf([2.0, 2.0])
    with engine.forward_ad.dual_level():
        level = Level(engine)
        d = level.make(p, t * 1)
        y = d * d  # 2 p t
        before = y * 2
        level.tangent(y).mul_(w)  # 2 p t w
        after = y * d  # 2 p^2 t w + p^2 t
        found = level.tangent(before) * level.tangent(after)
    close(found, [12 * 45.0, 8 * 10.0])
    close(engine.grad(found.sum(), w, retain_graph=True)[0], [12 * 18.0, 8 * 4.0])
    # 4 p t (2 p^2 t w + p^2 t) = p^3 t^2 (8 w + 4)
    close(engine.grad(found.sum(), p, retain_graph=True)[0], [3 * 9.0 * 20, 3 * 4.0 * 20])
    close(engine.grad(found.sum(), t, retain_graph=True)[0], [27 * 2.0 * 20, 2 * 2.0 * 20])
    close(engine.grad(after.sum(), p)[0], [27, 3])


# --- a dual that is changed in place -------------------------------------------------


def test_a_dual_is_changed_in_place_with_its_tangent(level):
    p, t = level.tensor([1.0]), level.tensor([1.0])
    d = level.make(p, t)
    before = d * 3
    d.mul_(2)
    assert [values(v) for v in (p, d, t)] == [[2], [2], [2]]
    assert level.tangent(d) is t
    assert values(level.tangent(before)) == [3]
    assert values(level.tangent(d * d)) == [8]


def test_a_view_of_a_dual_is_changed_in_place(level):
    t = level.tensor([1.0, 2.0])
    d = level.make(level.tensor([1.0, 2.0]), t)
    v = d[0:1]
    before = v * 3
    v.mul_(5)
    d[1] = 7
    assert values(t) == [5, 0]
    assert values(level.tangent(v)) == [5]
    assert values(level.tangent(before)) == [3]
    assert values(level.tangent(v * 2)) == [10]
    assert values(level.tangent(d * d)) == [50, 0]


def test_a_dual_is_overwritten(level):
    t = level.tensor([1.0, 2.0])
    d = level.make(level.tensor([1.0, 2.0]), t)
    d.copy_(level.dual([5.0, 6.0], [7.0, 8.0]))
    assert values(t) == [7, 8]
    d.zero_()
    assert values(t) == [0, 0]


def test_a_result_is_changed_in_place_after_it_was_unpacked(level):
    y = level.dual([1.0, 2.0], [1.0, 2.0]) * 3
    t = level.tangent(y)
    y[0] = y[1] * 2
    assert level.tangent(y) is t
    assert values(t) == [12, 6]


def test_a_dual_changed_by_a_value_that_requires_grad(engine):
    w = engine.leaf([2.0])
    with engine.forward_ad.dual_level():
        level = Level(engine)
        d = level.dual([1.0], [3.0])
        d.mul_(w)
        tangent = level.tangent(d)
        close(engine.grad(d.sum(), w, retain_graph=True)[0], [1])
        close(engine.grad(tangent.sum(), w)[0], [3])


def test_a_dual_of_a_leaf_must_not_be_changed_in_place(engine):
    with engine.forward_ad.dual_level():
        d = engine.forward_ad.make_dual(engine.leaf([1.0]), engine.tensor([1.0]))
        for change in (lambda: d.mul_(2), lambda: d[0:1].mul_(2)):
            with engine.raises(RuntimeError, "is being used in an in-place operation"):
                change()
        assert values(engine.forward_ad.unpack_dual(d.clone().mul_(2)).tangent) == [2]


def test_a_tangent_that_is_a_leaf_must_not_be_changed_in_place(engine):
    with engine.forward_ad.dual_level():
        d = engine.forward_ad.make_dual(engine.tensor([1.0]), engine.leaf([1.0]))
        with engine.raises(RuntimeError, "a leaf Variable that requires grad is being used"):
            d.mul_(2)


# --- a tangent has no tangent --------------------------------------------------------


def test_a_tangent_must_not_be_a_dual(level, engine):
    d = level.dual([1.0], [1.0])
    for wrong in (d, d * 2, d[0:1]):
        with engine.raises(RuntimeError, "itself has a forward gradient at the same level"):
            level.make(level.tensor([1.0]), wrong)
        right = level.make(level.tensor([1.0]), level.unpack(wrong).primal)
        assert values(level.tangent(right)) == values(wrong)


def test_what_was_unpacked_has_no_tangent(engine):
    with engine.forward_ad.dual_level():
        level = Level(engine)
        u = level.unpack(level.make(engine.leaf([1.0, 3.0]), engine.tensor([1.0, 2.0])).square())
        assert u.primal.requires_grad
        assert u.tangent.requires_grad
        assert level.tangent(u.primal) is None
        assert level.tangent(u.tangent * u.primal) is None
        again = level.make(u.primal, u.tangent)
        assert values(level.tangent(again * again)) == [4, 216]


# --- how long there are tangents -----------------------------------------------------


def test_a_tangent_is_freed_with_its_dual(engine):
    gc.disable()
    try:
        with engine.forward_ad.dual_level():
            level = Level(engine)
            t = engine.tensor([1.0, 2.0])
            d = level.make(engine.tensor([1.0, 2.0]), t)
            y = d * d
            u = level.tangent(y)
            alive = [weakref.ref(v) for v in (t, u)]
            del t, u, d, y
            assert [r() for r in alive] == [None, None]
    finally:
        gc.enable()


def test_after_its_level_a_dual_of_a_constant_is_one(engine):
    with engine.forward_ad.dual_level():
        d = engine.forward_ad.make_dual(engine.tensor([1.0]), engine.tensor([1.0]))
    assert not d.requires_grad
    assert d.is_leaf
    assert not (d * 2).requires_grad
    with engine.forward_ad.dual_level():
        assert engine.forward_ad.unpack_dual(d).tangent is None


def test_after_its_level_a_dual_keeps_its_gradient(engine):
    p = engine.leaf([3.0])
    with engine.forward_ad.dual_level():
        d = engine.forward_ad.make_dual(p, engine.tensor([1.0]))
        y = d * d
        engine.forward_ad.unpack_dual(y)
    close(engine.grad((y * d).sum(), p)[0], [27])


def test_a_detached_dual_has_no_tangent(level):
    c = level.dual([1.0], [1.0]) * 2
    level.tangent(c)
    assert level.tangent(c.detach()) is None
    c.detach_()
    assert level.tangent(c) is None
    assert level.tangent(c * 2) is None


def test_it_is_shown_with_its_tangent(level):
    shown = str(level.dual([1.0, 2.0], [3.0, 4.0])).replace("Variable", "tensor")
    shown = "".join(shown.replace("dtype=torch.float64", "").split())
    assert shown.replace(",,", ",") == "tensor([1.,2.],tangent=tensor([3.,4.],))"


def test_a_derivative_inside_a_level(engine):
    p = engine.leaf([1.0, 2.0])
    with engine.forward_ad.dual_level():
        d = engine.forward_ad.make_dual(p, engine.tensor([1.0, 3.0]))
        (g,) = engine.grad((d * d * d).sum(), d, create_graph=True)
        close(engine.forward_ad.unpack_dual(g).tangent, [6, 36])


def test_tangents_of_complex_numbers(level):
    z = level.dual([1 + 2j, 3 - 1j], [1j, 2.0 + 0j])
    y = torch.view_as_real((z * z).conj().resolve_conj())
    close(level.tangent(y), [[-4, -2], [12, 4]])

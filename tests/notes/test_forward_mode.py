"""Forward mode by dual Variables: what their tangents are, whatever is changed in place."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from plugrad.errors import InplaceError
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


def test_where_gradients_are_off_outside_the_dual_of_a_leaf_is_changed_in_place(engine):
    w = engine.leaf([3.0])
    with torch.no_grad(), engine.forward_ad.dual_level():
        level = Level(engine)
        d = level.make(w, engine.tensor([1.0]))
        d.mul_(2)
        y = level.unpack(d * w)
        assert (values(y.primal), values(y.tangent)) == ([36], [12])
        d.mul_(engine.leaf([5.0]))
        assert (values(w), values(level.tangent(d))) == ([30], [10])
        assert not y.primal.requires_grad
        assert not y.tangent.requires_grad


def test_a_tangent_with_a_gradient_is_changed_in_place(engine):
    w, t = engine.leaf([2.0]), engine.leaf([5.0])
    with engine.forward_ad.dual_level():
        level = Level(engine)
        y = level.make(w, t).square()
        tangent = level.tangent(y)
        tangent.mul_(3)
        close(engine.grad(tangent.sum(), [w, t], retain_graph=True)[0], [30])
        assert values(level.tangent(y * 2)) == [120]
        of_a_constant = level.tangent(level.make(engine.tensor([2.0]), t).square())
        close(engine.grad(of_a_constant.sum(), t)[0], [4])


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


def test_nor_has_a_leaf_or_its_view(level, engine):
    w = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    for value in (w, w[0], w.mT, w * 2, (w * 2)[0]):
        assert level.tangent(value) is None
        assert level.unpack(value).primal.requires_grad


def test_each_of_two_results_has_its_tangent_though_the_other_was_asked_first(level):
    d = level.dual([[1.0, 4.0], [3.0, 2.0]], [[5.0, 6.0], [7.0, 8.0]])
    least, largest = d.aminmax(dim=0)
    assert values(level.tangent(least * 1)) == [5, 8]
    assert values(level.tangent(largest * 1)) == [7, 6]
    assert values(level.tangent(least)) == [5, 8]


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


# --- a Function's own jvp ------------------------------------------------------------


@pytest.fixture(params=["own", "torchs"])
def base(request, engine):
    """The class to write a Function with: the engine's, and torch's that meets Variables."""
    return engine.Function if request.param == "own" else torch.autograd.Function


def doubling(base, function):
    """y = 2 x, in place."""

    class Doubled(base):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, gy):
            return gy * 2

        @staticmethod
        def jvp(ctx, t):
            return function(t)

    return Doubled


def test_a_jvp_in_place_runs_once(level, base):
    asked = []

    def jvp(t):
        asked.append(t)
        return t.mul_(2)

    F = doubling(base, jvp)
    d = level.dual([1.0], [1.0])
    c = d.clone()
    before = c * 3
    F.apply(c)
    assert [values(level.tangent(c)) for _ in range(3)] == [[2], [2], [2]]
    assert values(level.tangent(before)) == [3]
    F.apply(d)
    assert values(d) == values(level.tangent(d)) == [2]
    assert values(level.tangent(c * 2)) == [4]
    assert len(asked) == 2


def test_a_jvp_of_a_change_in_place_must_be_in_place(level, base, engine):
    F = doubling(base, lambda t: t * 2)
    with engine.raises(RuntimeError, "not modifying the forward mode gradients inplace"):
        level.tangent(F.apply(level.dual([1.0], [1.0]).clone()))


def added(base, function, materialize=True):
    """z = x + y, with an option and an index that do not matter."""

    class Added(base):
        @staticmethod
        def forward(ctx, x, y, option, index):
            ctx.set_materialize_grads(materialize)
            return x + y

        @staticmethod
        def backward(ctx, gz):
            return gz, gz, None, None

        @staticmethod
        def jvp(ctx, *tangents):
            return function(*tangents)

    return Added


@pytest.mark.parametrize("requires_grad", [False, True])
def test_a_jvp_is_given_zeros_for_what_has_no_tangent(engine, base, requires_grad):
    seen = []

    def jvp(tx, ty, *others):
        seen.append(others)
        return tx + ty

    F, index = added(base, jvp), engine.tensor([1, 2])
    constant = engine.leaf([5.0, 6.0]) if requires_grad else engine.tensor([5.0, 6.0])
    with engine.forward_ad.dual_level():
        level = Level(engine)
        d = level.dual([1.0, 2.0], [3.0, 4.0])
        close(level.tangent(F.apply(d, constant, 3, index)), [3, 4])
        close(level.tangent(F.apply(constant, d, 3, index)), [3, 4])
        close(level.tangent(F.apply(d, d, 3, index)), [6, 8])
    assert seen == [(None, None)] * 3


@pytest.mark.parametrize("requires_grad", [False, True])
def test_a_jvp_is_given_none_if_it_asks_for_that(engine, base, requires_grad):
    def jvp(tx, ty, *_):
        assert ty is None
        return tx * 1

    F = added(base, jvp, materialize=False)
    constant = engine.leaf([5.0]) if requires_grad else engine.tensor([5.0])
    with engine.forward_ad.dual_level():
        level = Level(engine)
        d = level.dual([1.0], [3.0])
        close(level.tangent(F.apply(d, constant, 3, engine.tensor([1]))), [3])


@pytest.mark.parametrize("kind", ["integer", "marked"])
def test_a_jvp_must_return_none_for_what_is_not_differentiable(level, base, engine, kind):
    class Sorted(base):
        @staticmethod
        def forward(ctx, x):
            other = x.argsort() if kind == "integer" else x * 3
            ctx.mark_non_differentiable(other)
            return x * 2, other

        @staticmethod
        def backward(ctx, gy, _):
            return gy * 2

        @staticmethod
        def jvp(ctx, t):
            return t * 2, (t * 3 if wrong else None)

    wrong = False
    y, other = Sorted.apply(level.dual([1.0], [1.0]))
    assert values(level.tangent(y)) == [2]
    assert level.tangent(other) is None
    wrong = True
    with engine.raises(RuntimeError, "jvp returned a gradient at position 1, but"):
        level.tangent(Sorted.apply(level.dual([1.0], [1.0]))[0])


def returning(base, value, function):
    """The identity."""

    class Same(base):
        @staticmethod
        def forward(ctx, x):
            return value(x)

        @staticmethod
        def backward(ctx, gy):
            return gy

        @staticmethod
        def jvp(ctx, t):
            return function(t)

    return Same


@pytest.mark.parametrize("forward", [lambda x: x, lambda x: x.view(-1)], ids=["itself", "a view"])
def test_a_jvp_of_a_view_must_return_a_view(level, base, engine, forward):
    F = returning(base, forward, lambda t: t.view_as(t))
    assert values(level.tangent(F.apply(level.dual([1.0], [2.0])))) == [2]
    F = returning(base, forward, lambda t: t * 1)
    with engine.raises(RuntimeError, "returning a view .*but the jvp is not returning a view"):
        level.tangent(F.apply(level.dual([1.0], [2.0])))


def test_a_jvp_finds_what_was_saved_for_it(level, base):
    class Scaled(base):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.save_for_backward(factor)
            ctx.save_for_forward(x, factor)
            return x * x * factor

        @staticmethod
        def backward(ctx, gy):
            raise NotImplementedError

        @staticmethod
        def jvp(ctx, tx, _):
            x, factor = ctx.saved_tensors
            return 2 * x * tx * factor

    y = Scaled.apply(level.dual([3.0], [1.0]), level.tensor([5.0]))
    assert values(level.tangent(y)) == [30]


# --- a backward inside the level -----------------------------------------------------


def test_gradients_have_tangents_without_create_graph(level, engine):
    x = engine.leaf([1.0, 2.0])
    d = level.make(x, engine.tensor([3.0, 5.0]))
    (g,) = engine.grad((d**3).sum(), x)
    close(g, [3, 12])
    close(level.tangent(g), [18, 60])  # 6 x t: a Hessian times a vector
    assert not g.requires_grad or engine.ours  # a dual of ours says True inside its level


def test_gradients_of_weights_have_the_tangents_of_what_they_multiply(level, engine):
    w, d = engine.leaf([2.0, 2.0]), level.dual([1.0, 2.0], [3.0, 5.0])
    (g,) = engine.grad((w * d).sum(), w)
    close(level.tangent(g), [3, 5])


def test_gradients_have_the_tangents_of_cotangents(level, engine):
    w, d = engine.leaf([2.0, 2.0]), level.dual([1.0, 2.0], [3.0, 5.0])
    (g,) = engine.grad(w * w, w, d)
    close(level.tangent(g), [12, 20])


def test_gradients_without_a_tangent_have_none(level, engine):
    w = engine.leaf([2.0, 2.0])
    level.dual([1.0], [1.0])
    (g,) = engine.grad((w * w).sum(), w)
    assert level.tangent(g) is None
    assert not g.requires_grad


# --- an unpacked primal shares memory ------------------------------------------------


def test_plugrad_alone_refuses_a_change_through_an_unpacked_primal(engine):
    """torch has the gradient of it; ours would not, and says so."""
    if engine.name == "torch":
        pytest.skip("torch allows it")
    x = engine.leaf([1.0, 2.0])
    with engine.forward_ad.dual_level():
        d = engine.forward_ad.make_dual(x * 1, engine.tensor([3.0, 5.0]))
        primal = engine.forward_ad.unpack_dual(d).primal
        with pytest.raises(InplaceError, match=r"in-place operation, mul_[\s\S]*fix: "):
            primal.mul_(3)
        (g,) = engine.grad(d.sum(), x)
    assert values(g) == [1, 1]


def test_plugrad_alone_refuses_a_primal_whose_value_was_changed(engine):
    if engine.name == "torch":
        pytest.skip("torch allows it")
    x = engine.leaf([1.0, 2.0])
    with engine.forward_ad.dual_level():
        y = engine.forward_ad.make_dual(engine.tensor([1.0, 2.0]), engine.tensor([3.0, 5.0])) * x
        primal = engine.forward_ad.unpack_dual(y).primal
        y.mul_(3)
        with pytest.raises(InplaceError, match=r"base .* modified inplace[\s\S]*fix: "):
            engine.grad(primal.sum(), x)


def test_a_change_of_a_constants_primal_is_one_of_the_constant(level, engine):
    x, c = engine.leaf([1.0, 2.0]), engine.tensor([1.0, 2.0])
    primal = level.unpack(c).primal
    primal.mul_(x)
    (g,) = engine.grad((c * x).sum(), x)  # x * x * c
    close(g, [2, 8])
    assert values(c) == values(primal) == [1, 4]

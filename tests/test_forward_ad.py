"""Dual Variables against torch's dual tensors, and what differs."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.autograd.forward_ad as torchs

import plugrad as pg
import plugrad.forward_ad as ours
from plugrad.core.context import running
from plugrad.errors import (
    ForwardModeError,
    InplaceError,
    SavedTensorChangedError,
    TransformTypeError,
)

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # torch loads decompositions

X = torch.randn(4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
T = torch.randn(4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture(autouse=True)
def no_level_is_left():
    yield
    assert running.dual_level is None
    assert torch.is_grad_enabled()


def f(x):
    y = x.sin() * x.sum()
    y[1:3] *= x[0]
    return torch.cat([y.exp(), x.view(2, 2).T.reshape(-1)])


@pytest.mark.parametrize("make", [lambda t: t, pg.Variable], ids=["tensors", "variables"])
def test_as_torch(make):
    with ours.dual_level():
        dual = ours.make_dual(make(X), make(T))
        value, tangent = ours.unpack_dual(f(dual))
        given, back = ours.unpack_dual(dual)
    with torchs.dual_level():
        expected = torchs.unpack_dual(f(torchs.make_dual(X, T)))
    torch.testing.assert_close(value.data, expected.primal)
    torch.testing.assert_close(tangent.data, expected.tangent)
    torch.testing.assert_close(given.data, X)
    torch.testing.assert_close(back.data, T)
    assert [value.requires_grad, tangent.requires_grad] == [False, False]


def test_several_duals_and_none():
    with ours.dual_level():
        a, b = ours.make_dual(X, T), ours.make_dual(T, X)
        both = ours.unpack_dual(a * b).tangent
        torch.testing.assert_close(both.data, T * T + X * X)
        assert ours.unpack_dual(pg.Variable(X)).tangent is None
        assert ours.unpack_dual(X) == (X, None)
        assert ours.unpack_dual(a.detach()).tangent is None


def test_outside_a_level_there_are_no_tangents():
    with ours.dual_level():
        y = ours.make_dual(X, T).sin()
    assert ours.unpack_dual(y).tangent is None
    with ours.dual_level():
        assert ours.unpack_dual(y).tangent is None


def test_as_a_decorator_and_by_hand():
    @ours.dual_level()
    def g(x):
        return ours.unpack_dual(ours.make_dual(x, T).sin()).tangent

    torch.testing.assert_close(g(X).data, T * X.cos())
    assert ours.enter_dual_level() == 0
    ours.exit_dual_level()


def test_it_works_where_gradients_are_off():
    with pg.no_grad(), ours.dual_level():
        y = ours.unpack_dual(ours.make_dual(X, T).exp())
        torch.testing.assert_close(y.tangent.data, T * X.exp())
    with pg.no_grad():
        with ours.dual_level():
            pass
        assert not torch.is_grad_enabled()


def test_it_can_be_differentiated():
    x, t = (pg.Variable(v, requires_grad=True) for v in (X, T))
    u, v = X.clone().requires_grad_(), T.clone().requires_grad_()
    with ours.dual_level():
        tangent = ours.unpack_dual(ours.make_dual(x, t).sin() * x).tangent
    with torchs.dual_level():
        theirs = torchs.unpack_dual(torchs.make_dual(u, v).sin() * u).tangent
    mine = pg.grad(tangent.square().sum(), [x, t])
    expected = torch.autograd.grad(theirs.square().sum(), [u, v])
    for a, b in zip(mine, expected, strict=True):
        torch.testing.assert_close(a.data, b)


def test_a_dual_and_what_it_is_computed_from_are_shown():
    with ours.dual_level():
        dual = ours.make_dual(pg.Variable(X[:1], requires_grad=True), T[:1])
        assert "grad_fn=<Entry>, tangent=Variable([" in str(dual)
        y = dual * 2
        assert "tangent" not in str(y)  # it is computed when somebody asks
        ours.unpack_dual(y)
        assert "grad_fn=<Mul>, tangent=Variable([" in str(y)
    assert "tangent" not in str(dual) + str(y)


def test_a_primal_that_changes_after_make_dual():
    p, w = pg.Variable(X.clone()), pg.Variable(T, requires_grad=True)
    with ours.dual_level():
        dual = ours.make_dual(p, T)
        p.add_(1)  # the dual shares its memory, and its tangent is still right
        torch.testing.assert_close(ours.unpack_dual(dual * dual).tangent.data, 2 * (X + 1) * T)
        p.mul_(w)
        with pytest.raises(InplaceError, match="(?s)changed in place afterwards.*fix: give make_d"):
            dual * 2
        dual = ours.make_dual(p.clone(), T)
        p.mul_(2)
        ours.unpack_dual(dual * 2)


def test_a_dual_that_shares_memory_with_a_variable():
    p, w = pg.Variable(X.clone()), pg.Variable(T, requires_grad=True)
    with ours.dual_level():
        dual = ours.make_dual(p, T.clone())
        with pytest.raises(InplaceError, match="(?s)which would not have.*fix: change a clone"):
            dual.mul_(w)
        dual = ours.make_dual(p, T.clone()).clone()
        dual.mul_(w)
        torch.testing.assert_close(ours.unpack_dual(dual).tangent.data, T * T)


def test_a_saved_operand_that_changed_is_noticed():
    with ours.dual_level():
        dual = ours.make_dual(X.clone(), T.clone())
        y, z = dual * dual, dual * dual
        ours.unpack_dual(z)
        dual.mul_(2)
        torch.testing.assert_close(ours.unpack_dual(z).tangent.data, 2 * X * T)
        with pytest.raises(SavedTensorChangedError, match="(?s)mul.*fix: change a clone"):
            ours.unpack_dual(y)


def test_transforms_inside_a_level():
    def tangents(func, ad, x, t):
        with ad.dual_level():
            d = ad.make_dual(x, t)
            gradient = func.grad(lambda y: (y.exp() * d).sum())(x)
            output, pull = func.vjp(lambda y: y.sin() * d, d)
            mapped = func.vmap(func.grad(lambda y: y**3))(d)
            values = [gradient, func.jacrev(torch.sin)(d), mapped, output, *pull(d)]
            return [ad.unpack_dual(value).tangent for value in values]

    found = tangents(pg.func, ours, X, T)
    torch.testing.assert_close([t.data for t in found], tangents(torch.func, torchs, X, T))


def test_another_thread_has_other_tangents():
    found = []

    def look():
        with ours.dual_level():
            found.extend(ours.unpack_dual(value).tangent for value in (dual, dual * 2, result))

    with ours.dual_level():
        dual = ours.make_dual(X, T)
        result = dual.sin()
        ours.unpack_dual(result)
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        torch.testing.assert_close(ours.unpack_dual(result).tangent.data, T * X.cos())
    assert found == [None] * 3


def test_a_primal_without_a_tangent_is_a_variable():
    w = pg.Variable(X, requires_grad=True)
    with torch.no_grad(), ours.dual_level():
        primal = ours.unpack_dual(w * 2).primal
        assert type(primal) is pg.Variable
        assert not primal.requires_grad


def test_a_tangent_in_inference_mode():
    with torch.inference_mode(), ours.dual_level():
        t = T.clone()
        dual = ours.make_dual(X.clone(), t)
        t.add_(1)
        torch.testing.assert_close(ours.unpack_dual(dual).tangent.data, T + 1)


def test_in_a_level_inside_vmap():
    def f(x, t):
        with ours.dual_level():
            dual = ours.make_dual(x, t)
            y = ours.unpack_dual(dual * dual).tangent
            dual.mul_(2)
            t.add_(1)
            return y + ours.unpack_dual(dual * 3).tangent

    found = pg.func.vmap(f)(X.view(2, 2).clone(), T.view(2, 2).clone())
    torch.testing.assert_close(found.flatten(), 2 * X * T + 3 * (2 * T + 1))


class Cube(pg.Function):
    """x^3, whose jvp says that it was asked."""

    asked = 0

    @staticmethod
    def forward(ctx, x, n):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * 3 * x * x

    @staticmethod
    def jvp(ctx, tx, _):
        Cube.asked += 1
        (x,) = ctx.saved_tensors
        return tx * 3 * x * x


def test_an_ops_own_jvp_is_used_also_when_it_is_differentiated():
    before = Cube.asked
    found = pg.func.jvp(pg.func.grad(lambda x: Cube.apply(x, 1).sum()), (X,), (T,))[1]
    torch.testing.assert_close(found, 6 * X * T)
    assert Cube.asked == before  # the gradient is what is pushed through, not the op
    found = pg.func.grad(lambda x: pg.func.jvp(lambda x: Cube.apply(x, 1), (x,), (T,))[1].sum())(X)
    torch.testing.assert_close(found, 6 * X * T)
    assert Cube.asked == before + 1


REFUSED = {
    "returned 2 tangents for 1 output": lambda ctx, tx: (tx, tx),
    r"returned a tangent of shape \(2,\)": lambda ctx, tx: tx[:2],
    "and dtype torch.float32": lambda ctx, tx: tx.float(),
    "returned a float": lambda ctx, tx: 1.0,
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_wrong_jvp_is_refused(message):
    class Wrong(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        jvp = staticmethod(REFUSED[message])

    with pytest.raises(ForwardModeError, match=f"(?s){message}.*fix: return"):
        pg.func.jvp(Wrong.apply, (X,), (T,))


def test_a_jvp_must_not_change_a_tangent():
    class Twice(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def jvp(ctx, tx):
            return tx.mul_(2)

    with pytest.raises(ForwardModeError, match=r"(?s)changed tangent 0 in place.*fix: .*mul\(2\)"):
        pg.func.jvp(Twice.apply, (X,), (T.clone(),))


def test_zeros_for_a_list_and_a_default():
    class Sum(pg.Function):
        @staticmethod
        def forward(ctx, tensors, scale=2.0, shift=None):
            return sum(tensors) * scale

        @staticmethod
        def jvp(ctx, tangents, *others):
            assert others == (None, None)
            return sum(tangents) * 2.0

    constant = pg.Variable(X, requires_grad=True)
    for other in (X, constant, pg.Variable(X)):
        found = pg.func.jvp(lambda x, o=other: Sum.apply([o, x, o]), (X,), (T,))[1]
        torch.testing.assert_close(getattr(found, "data", found), 2 * T)


def test_what_was_saved_for_jvp_can_be_differentiated_and_must_not_change():
    class Square(pg.Function):
        @staticmethod
        def forward(ctx, x, n):
            ctx.save_for_forward(x)
            return x * x

        @staticmethod
        def jvp(ctx, tx, _):
            (x,) = ctx.saved_tensors
            return 2 * x * tx

    x = pg.Variable(X.clone(), requires_grad=True)
    with ours.dual_level():
        tangent = ours.unpack_dual(Square.apply(ours.make_dual(x, T), 1)).tangent
        torch.testing.assert_close(pg.grad(tangent.sum(), x)[0].data, 2 * T)
        y = Square.apply(ours.make_dual(x, T), 1)
        x.data.add_(1)
        with pytest.raises(SavedTensorChangedError, match="(?s)Square saved.*fix: change a clone"):
            ours.unpack_dual(y)


def test_a_jvp_may_return_none_for_zeros():
    class Sign(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sign()

        @staticmethod
        def jvp(ctx, tx):
            return None

    assert pg.func.jvp(Sign.apply, (X,), (T,))[1].tolist() == [0.0] * 4


def test_what_does_not_fit_is_refused():
    with pytest.raises(ForwardModeError, match="(?s)no level exists.*fix: .*dual_level"):
        ours.make_dual(X, T)
    with pytest.raises(ForwardModeError, match="(?s)Trying to exit.*fix: "):
        ours.exit_dual_level()
    with ours.dual_level():
        with pytest.raises(
            ForwardModeError, match="(?s)Nested forward mode.*fix: nest pg.func.jvp"
        ):
            ours.enter_dual_level()
        with pytest.raises(ForwardModeError, match="Expected primal to be floating point"):
            ours.make_dual(torch.arange(3), T)
        with pytest.raises(ForwardModeError, match="Expected tangent to be floating point"):
            ours.make_dual(X, torch.arange(4))
        with pytest.raises(ForwardModeError, match="the primal's shape and dtype"):
            ours.make_dual(X, T[:2])
        with pytest.raises(TransformTypeError, match="the tangent must be a tensor"):
            ours.make_dual(X, 1.0)
        with pytest.raises(ForwardModeError, match="already has a forward gradient"):
            ours.make_dual(ours.make_dual(X, T).sin(), T)
        with pytest.raises(ForwardModeError, match=r"(?s)that itself has.*fix: .*\(tangent\)\.pr"):
            ours.make_dual(X, ours.make_dual(X, T))


def test_torchs_own_says_to_use_ours():
    x = pg.Variable(X)
    with torchs.dual_level(), pytest.raises(ForwardModeError, match="(?s)fix: call plugrad.forw"):
        torchs.make_dual(x, x)
    with pytest.raises(ForwardModeError, match="plugrad.func.linearize"):
        torch.func.linearize(torch.sin, x)

"""Gradients through vmap: to mapped inputs, to closures, of any order, after it has ended."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.utils.checkpoint import checkpoint

import plugrad as pg
from plugrad.errors import AnomalyError, GraphFreedError, SavedTensorChangedError, VmapError

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # torch loads decompositions

vmap = pg.func.vmap


def tensor(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def pairs(*data):
    return [pg.Variable(d, requires_grad=True) for d in data], [
        d.clone().requires_grad_() for d in data
    ]


def agree(mine, expected):
    for a, b in zip(mine, expected, strict=True):
        torch.testing.assert_close(a.data, b.detach())


def orders(function, mine, theirs, count=3):
    """Gradients of order 1 to ``count``, each of a function of the last."""
    first, second = (), ()
    for order in range(1, count + 1):
        if order == 1:
            a, b = function(vmap, *mine), function(torch.func.vmap, *theirs)
        else:
            a = sum((g * (0.1 * g).tanh()).sum() for g in first)
            b = sum((g * (0.1 * g).tanh()).sum() for g in second)
        last = order == count
        first = pg.grad(a, mine, create_graph=not last)
        second = torch.autograd.grad(b, theirs, create_graph=not last)
        agree(first, second)


X, W = tensor(4, 3), tensor(3, seed=1)


def test_three_orders_of_a_mapped_input_and_a_closure():
    def f(vmap, x, w):
        return vmap(lambda x: (x.sin() * w * w).sum())(x).square().sum()

    orders(f, *pairs(X, W))


def test_several_inputs_and_outputs_in_other_dimensions():
    def f(vmap, x, y, w):
        g = vmap(lambda x, y: ((x @ w).exp() * y, (x * y[0]).sum()), (0, 2), (1, 0))
        a, b = g(x, y)
        return (a.sin() * a).sum() + b.prod()

    orders(f, *pairs(X, tensor(3, 3, 4, seed=2), 0.3 * tensor(3, 3, seed=3)), count=2)


def test_maps_in_maps_and_closures_of_both():
    def f(vmap, x, y, w):
        def row(a):
            outer = (a * w).sum()
            return vmap(lambda b: (a * b).sin().sum() * outer * w[0])(y)

        return vmap(row)(x).square().sum()

    orders(f, *pairs(X, tensor(2, 3, seed=4), W))


def test_an_output_that_is_an_input_or_a_closure():
    (x, w), (u, v) = pairs(X, W)
    a, b, c = vmap(lambda x: (x, w, x * w))(x)
    d, e, f = torch.func.vmap(lambda x: (x, v, x * v))(u)
    weight = tensor(4, 3, seed=5)
    agree(
        pg.grad((weight * (a + b * c)).sum(), [x, w]),
        torch.autograd.grad((weight * (d + e * f)).sum(), [u, v]),
    )


def test_an_output_that_is_not_mapped_counts_once():
    (x, w), _ = pairs(X, W)
    y, z = vmap(lambda x: (x * w, w.exp()), out_dims=(0, None))(x)
    assert z.shape == (3,)
    agree(pg.grad(z.sum(), w, retain_graph=True), [W.exp()])
    agree(pg.grad(y.sum() + z.sum(), w), [X.sum(0) + W.exp()])


def test_one_end_of_the_graph_may_lead_to_another():
    """exp saves its output, so its rule's graph has an end at x and one at exp(x)."""
    (x,), (u,) = pairs(W)
    y, v = (x.sin(), x.exp()), (u.sin(), u.exp())
    basis = torch.eye(3, dtype=torch.float64)

    def rows(grad, vmap, outputs, x):
        def row(e):
            return grad(outputs, x, [e, e], create_graph=True)[0]

        return vmap(row)(basis)

    mine = rows(pg.grad, vmap, y, x)
    theirs = torch.autograd.grad(v, u, [basis, basis], create_graph=True, is_grads_batched=True)[0]
    agree(
        pg.grad((mine * mine.sin()).sum(), x),
        torch.autograd.grad((theirs * theirs.sin()).sum(), u),
    )


def test_backward_adds_to_the_leaves():
    (x, w), (u, v) = pairs(X, W)
    vmap(lambda x: (x * w).exp())(x).sum().backward()
    torch.func.vmap(lambda x: (x * v).exp())(u).sum().backward()
    agree([x.grad, w.grad], [u.grad, v.grad])


def test_what_is_computed_from_closures_alone_may_be_kept_for_the_next_call():
    (x, w), _ = pairs(X, W)
    kept = []

    def f(x):
        if not kept:
            kept.append(w.exp())
        return (x * kept[0]).sum()

    first, second = vmap(f)(x), vmap(f)(x)
    agree(pg.grad(second.sum(), w, retain_graph=True), [X.sum(0) * W.exp()])
    agree(pg.grad(first.sum(), w), [X.sum(0) * W.exp()])


def test_gradients_inside_a_map_of_variables():
    (x, w), (u, v) = pairs(X, W)

    def f(x):
        (g,) = pg.grad((x * x * w).sin().sum(), x, create_graph=True)
        return g * x

    def g(x):
        return torch.func.grad(lambda x: (x * x * v).sin().sum())(x) * x

    agree(
        pg.grad(vmap(f)(x).square().sum(), [x, w]),
        torch.autograd.grad(torch.func.vmap(g)(u).square().sum(), [u, v]),
    )


def test_the_graph_is_freed_by_a_backward_and_kept_if_asked():
    (x,), _ = pairs(X)
    y = vmap(lambda x: x.exp().sum())(x).sum()
    agree(pg.grad(y, x, retain_graph=True), [X.exp()])
    agree(pg.grad(y, x), [X.exp()])
    with pytest.raises(GraphFreedError, match="(?s)second time.*fix: Specify retain_graph"):
        pg.grad(y, x)


def test_nothing_is_recorded_without_need():
    (x,), _ = pairs(X)
    with pg.no_grad():
        assert not vmap(torch.sin)(x).requires_grad
    assert not vmap(torch.sin)(pg.Variable(X)).requires_grad
    assert type(vmap(torch.sin)(X)) is torch.Tensor


@pytest.mark.parametrize("where", ["inside", "outside"])
def test_a_saved_tensor_that_was_changed_is_noticed(where):
    data = X.clone()
    x = pg.Variable(data, requires_grad=True)

    def f(x):
        y = x.exp()  # keeps y
        z = y.sum()
        if where == "inside":
            y.mul_(2)
        return z

    def g(x):
        return (x * x).sum()  # keeps x

    y = vmap(f if where == "inside" else g)(x)
    if where == "outside":
        data.mul_(2)
    with pytest.raises(SavedTensorChangedError):
        pg.grad(y.sum(), x)


class KeepsATensor(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.kept = x * 2
        return x * x

    @staticmethod
    def backward(ctx, gy):
        return gy * ctx.kept


def test_a_tensor_set_on_ctx_is_refused():
    (x,), _ = pairs(X)
    with pytest.raises(VmapError, match="(?s)sets the tensor ctx.kept.*fix: use ctx.save_for"):
        vmap(KeepsATensor.apply)(x)


def test_what_escapes_cannot_be_differentiated_outside():
    (x,), _ = pairs(X)
    kept = []

    def f(x):
        y = (x * x).sum()
        kept.extend([x, y])
        return y * 1

    vmap(f)(x)
    with pytest.raises(RuntimeError, match="escaped from inside a function being vmapped"):
        pg.grad(kept[1], kept[0])
    with pytest.raises(GraphFreedError, match="(?s)left f, which vmap called.*fix: return it"):
        pg.grad(kept[1], kept[0], torch.ones(()).double())


def test_users_saved_tensor_hooks():
    (x,), _ = pairs(X)
    seen = []

    def pack(t):
        seen.append("pack")
        return t

    def unpack(t):
        seen.append("unpack")
        return t

    def f(x):
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            return (x * x).sum()

    y = vmap(f)(x)
    agree(pg.grad(y.sum(), x), [2 * X])
    assert set(seen) == {"pack", "unpack"}


def test_forward_mode_through_a_map():
    (w,), _ = pairs(W)
    t = tensor(4, 3, seed=6)

    def f(vmap, w):
        return lambda x: vmap(lambda x: (x * w).sin().sum() * x)(x)

    mine = pg.func.jvp(f(vmap, w), (X,), (t,))
    theirs = torch.func.jvp(f(torch.func.vmap, W), (X,), (t,))
    agree(mine, theirs)
    agree(
        [pg.func.hessian(lambda x: f(vmap, W)(x).square().sum())(X)],
        [torch.func.hessian(lambda x: f(torch.func.vmap, W)(x).square().sum())(X)],
    )


def test_threads_do_not_see_each_others_maps():
    from concurrent.futures import ThreadPoolExecutor

    (x, w), _ = pairs(X, W)
    y = vmap(lambda x: (x * w).exp().sum())(x).sum()
    expected = [g.data for g in pg.grad(y, [x, w], retain_graph=True)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: pg.grad(y, [x, w], retain_graph=True), range(8)))
    for gradients in found:
        agree(gradients, expected)


CHANGES = {
    "a view": lambda x, w: (y := x.clone(), y[0].mul_(w[0]), (y * y * x).sum())[-1],
    "slices": lambda x, w: (y := x * 2, y[1:].mul_(w[1:]), y[0:1].add_(x[2]), (y * y * x).sum())[
        -1
    ],
    "what saves its output": lambda x, w: (x * w).exp_().sum(),
    "one after the other": lambda x, w: (x * w).sin_().mul_(x).sum(),
    "another view": lambda x, w: (
        y := x.clone(),
        y.mul_(w),
        y.view(3, 1).add_(x.view(3, 1) * w[0]),
        y.exp().sum(),
    )[-1],
    "a changed view that is returned": lambda x, w: (x * w).view(3, 1).mul_(2),
    "a view that is returned, changed through its base": lambda x, w: (
        y := x * w,
        z := y[1:],
        y.exp_(),
        z,
    )[-1],
}


@pytest.mark.parametrize("name", CHANGES)
def test_in_place_changes_of_views_as_in_a_loop(name):
    """torch in a loop is what it is compared with, to the second order."""
    f = CHANGES[name]

    def looped(function, x, w):
        if isinstance(x, pg.Variable):
            return vmap(lambda a: function(a, w))(x).square().sum()
        return torch.stack([function(a, w) for a in x]).square().sum()

    orders(lambda _, x, w: looped(f, x, w), *pairs(X, W), count=2)


def test_a_view_is_returned_beside_its_changed_base():
    def f(a):
        base = a * 1
        view = base[1:].mul_(2)
        return base, view

    x = pg.Variable(X, requires_grad=True)
    base, view = vmap(f)(x)
    (g,) = pg.grad(base.sum() + view.sum(), x)
    assert g.tolist() == [[1.0, 4.0, 4.0]] * 4


def test_an_in_place_change_that_torch_refuses_is_refused():
    (x, w), _ = pairs(X, W)

    def f(x):
        y = x.clone()
        y[1:3] = y[0:2] * w[0]  # saves what it changes
        return (y * y).sum()

    y = vmap(f)(x)
    with pytest.raises(SavedTensorChangedError):
        pg.grad(y.sum(), [x, w])


def test_a_torch_function_of_a_user():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return gy * 2 * x

    (x,), _ = pairs(X)
    y = vmap(lambda x: Square.apply(x).sum())(x)
    (g,) = pg.grad(y.sum(), x, create_graph=True)
    agree([g], [2 * X])
    agree(pg.grad(g.square().sum(), x), [8 * X])


HOOKED = {
    "a leaf": lambda w: (w, w),
    "what is computed": lambda w: (w, w * 1),
}


@pytest.mark.parametrize("name", HOOKED)
@pytest.mark.parametrize("nested", [False, True])
def test_hooks_of_a_closure_see_its_whole_gradient_once(name, nested):
    found = []
    for vmap, (leaf,) in zip((pg.func.vmap, torch.func.vmap), pairs(W), strict=True):
        w, v = HOOKED[name](leaf)
        seen = []
        v.register_hook(lambda g, seen=seen: (seen.append(g), g * 2)[1])
        v.retain_grad()

        def f(x, v=v, vmap=vmap):
            return vmap(lambda e: (v * e).sum().exp())(x) if nested else (v * x).sum().exp()

        vmap(f)(X).sum().backward()
        found.append([getattr(t, "data", t).detach() for t in (w.grad, v.grad, *seen)])
    assert len(found[0]) == len(found[1]) == 3
    torch.testing.assert_close(*found)


def test_backward_of_one_sample_is_refused():
    w = pg.Variable(W, requires_grad=True)
    with pytest.raises(VmapError, match="(?s)the gradient of one sample.*fix: return the loss"):
        vmap(lambda e: (w * e).sum().backward())(X)
    assert w.grad is None

    def own_leaf(e):
        v = e.detach().requires_grad_()
        (v * v).sum().backward()
        return v.grad

    agree([vmap(own_leaf)(pg.Variable(X))], [2 * X])


def test_anomaly_mode_looks_at_all_samples():
    x = pg.Variable(X.abs(), requires_grad=True)
    with pg.set_detect_anomaly(True):
        y = vmap(lambda e: e.sqrt().sum())(x)
        agree(pg.grad(y.sum(), x), [0.5 / X.abs().sqrt()])
        x = pg.Variable(X - X[2], requires_grad=True)  # one sample has 0 / 0
        y = vmap(lambda e: (e / e.detach().abs().sqrt() * e.detach()).sum())(x)
        with pytest.raises(AnomalyError, match="nan values in its 0th output"):
            y.sum().backward()


CHECKPOINTS = {"ours": pg.checkpoint, "torch's": partial(checkpoint, use_reentrant=False)}


@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("nested", [False, True])
def test_a_map_in_a_checkpoint(name, nested):
    def f(vmap, again, x, w):
        def g(x):
            rows = vmap(lambda v: (vmap(v.dot)(w.outer(w)) if nested else v * w).sin().sum())
            return rows(x.exp()) * x[:, 0].sin()

        return again(g, x).square().sum()

    (x, w), theirs = pairs(X, W)
    calls = [(vmap, CHECKPOINTS[name], x, w), (torch.func.vmap, CHECKPOINTS["torch's"], *theirs)]
    first = pg.grad(f(*calls[0]), [x, w], create_graph=True)
    expected = torch.autograd.grad(f(*calls[1]), theirs, create_graph=True)
    agree(first, expected)
    seconds = torch.autograd.grad(expected[0].square().sum(), theirs)
    agree(pg.grad(first[0].square().sum(), [x, w]), seconds)


def test_a_jacobian_in_a_checkpoint():
    def rows(x):
        return pg.func.jacrev(lambda v: v.exp() * v.sum())(x).sin()

    (x,), _ = pairs(W)
    agree(pg.grad(pg.checkpoint(rows, x).sum(), x), pg.grad(rows(x).sum(), x))


def test_jacobians_of_maps_in_maps():
    """Their rows are computed deeper in torch.vmap than the maps were."""

    def f(vmap, w):
        return lambda x: vmap(lambda r: vmap(lambda e: (e * r.sin() * w).exp().sum())(w))(x)

    agree(
        [pg.func.jacrev(f(vmap, W))(X), vmap(pg.func.jacrev(f(vmap, W)))(X[None])],
        [t := torch.func.jacrev(f(torch.func.vmap, W))(X), t[None]],
    )
    (x, w), theirs = pairs(X, W)
    y, rows = f(vmap, w)(x), tensor(2, 4, 3, seed=7)
    found = vmap(lambda c: pg.grad(y, [x, w], c, retain_graph=True))(rows)
    expected = torch.autograd.grad(
        f(torch.func.vmap, theirs[1])(theirs[0]), theirs, rows, is_grads_batched=True
    )
    agree(found, expected)


def test_the_graph_is_freed_by_the_gradient_of_one_input():
    (x, w), theirs = pairs(X, W)
    for vmap, grad, (a, b) in (
        (pg.func.vmap, pg.grad, (x, w)),
        (torch.func.vmap, torch.autograd.grad, theirs),
    ):
        y = vmap(lambda e, b=b: (e * b * b).sum())(a).sum()
        grad(y, a)
        with pytest.raises(RuntimeError, match="backward through the graph a second time"):
            grad(y, a)

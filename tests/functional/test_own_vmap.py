"""A Function's own vmap, of functions in NumPy that nothing else could map; against torch.func."""

from __future__ import annotations

from weakref import ref

import pytest
import torch
from torch.utils._pytree import tree_leaves, tree_map

import plugrad as pg
from plugrad.errors import GraphFreedError, SavedTensorChangedError, VmapError

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # torch loads decompositions


def numpy(x):
    return x.detach().numpy()


def first(x, dim, info):
    """A batch in front."""
    return x.expand(info.batch_size, *x.shape) if dim is None else x.movedim(dim, 0)


def make(base):
    """x * y, and x sorted along a dimension with where each element went."""

    class Times(base):
        @staticmethod
        def forward(x, y):
            return torch.from_numpy(numpy(x) * numpy(y))

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, gz):
            x, y = ctx.saved_tensors
            return Times.apply(gz, y), Times.apply(gz, x)

        @staticmethod
        def jvp(ctx, tx, ty):
            x, y = ctx.saved_tensors
            return Times.apply(tx, y) + Times.apply(ty, x)

        @staticmethod
        def vmap(info, in_dims, x, y):
            x, y = (first(v, dim, info) for v, dim in zip((x, y), in_dims, strict=True))
            return Times.apply(x, y), 0

    class Sorted(base):
        @staticmethod
        def forward(x, dim):
            places = numpy(x).argsort(dim)
            return torch.from_numpy(numpy(x).copy()).gather(dim, torch.from_numpy(places)), (
                torch.from_numpy(places)
            )

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(output[1])
            ctx.mark_non_differentiable(output[1])
            ctx.dim = inputs[1]

        @staticmethod
        def backward(ctx, gy, _):
            (places,) = ctx.saved_tensors
            return torch.zeros_like(gy).scatter(ctx.dim, places, gy), None

        @staticmethod
        def vmap(info, in_dims, x, dim):
            return Sorted.apply(x.movedim(in_dims[0], 0), dim + 1), (0, 0)

    return Times.apply, Sorted.apply


ADOPTED = make(torch.autograd.Function)
OURS = make(pg.Function)


def tensor(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


X, Y, Z = tensor(4, 3), tensor(4, 3, seed=1), tensor(2, 4, 3, seed=2)
W = Y[0]

#: What is computed, in the functions of a library and with the two Functions.
VALUES = {
    "mapped": lambda f, t, _: f.vmap(t, (0, 1))(X, Y.mT),
    "one of two": lambda f, t, _: f.vmap(t, (0, None), out_dims=1)(X, W),
    "several outputs": lambda f, _, s: f.vmap(lambda x: s(x, 0))(X),
    "chunks": lambda f, t, _: f.vmap(t, chunk_size=3)(X, Y),
    "maps in maps": lambda f, t, _: f.vmap(f.vmap(t, (0, None)), (0, None))(Z, W),
    "of the map outside": lambda f, t, _: f.vmap(lambda x: f.vmap(lambda y: t(x, x).sum() * y)(W))(
        X
    ),
    "gradient": lambda f, t, _: f.vmap(f.grad(lambda x, y: t(x, y).sin().sum(), (0, 1)))(X, Y),
    "gradient of one for all": lambda f, t, _: f.vmap(
        lambda x: f.grad(lambda w: t(x, w).sin().sum())(W)
    )(X),
    "gradient of sorted": lambda f, t, s: f.vmap(f.grad(lambda x: t(s(x, 0)[0], W).sum()))(X),
    "gradient of a map": lambda f, t, _: f.grad(lambda x: f.vmap(t)(x, x).sin().sum())(X),
    "jvp": lambda f, t, _: f.vmap(lambda x, y: f.jvp(t, (x, y), (y, x)))(X, Y),
    "jvp of a map": lambda f, t, _: f.jvp(f.vmap(t), (X, Y), (Y, X)),
    "jacrev": lambda f, t, _: f.vmap(f.jacrev(t, (0, 1)))(X, Y),
    "jacfwd": lambda f, t, _: f.vmap(f.jacfwd(t))(X, Y),
    "second derivatives": lambda f, t, _: f.vmap(f.jacrev(f.jacrev(lambda x: t(t(x, x), x).sum())))(
        X
    ),
    "third derivatives": lambda f, t, _: f.vmap(
        f.jacrev(f.jacrev(f.grad(lambda x: t(t(x, x), x).sum())))
    )(X[:2]),
    "in two maps": lambda f, t, _: f.vmap(
        f.grad(lambda z: f.vmap(lambda x: t(x, z[0]).sum() * t(z[1], z[2]).sum())(z).sin().sum())
    )(Z),
}


@pytest.mark.parametrize("functions", [ADOPTED, OURS], ids=["adopted", "ours"])
@pytest.mark.parametrize("name", VALUES)
def test_values_and_derivatives(name, functions):
    expected = VALUES[name](torch.func, *ADOPTED)
    found = VALUES[name](pg.func, *functions)
    assert torch.utils._pytree.tree_structure(found) == torch.utils._pytree.tree_structure(expected)
    for a, b in zip(tree_leaves(found), tree_leaves(expected), strict=True):
        torch.testing.assert_close(a, b)


LOSSES = {
    "a closure": lambda f, t, s, x, w: f.vmap(lambda x: t(x, w))(x),
    "one for all": lambda f, t, s, x, w: f.vmap(t, (0, None))(x, w),
    "closures of two maps": lambda f, t, s, x, w: f.vmap(
        lambda a: f.vmap(lambda b: t(a, w) * t(b, a))(x)
    )(x),
    "a gradient inside": lambda f, t, s, x, w: f.vmap(
        lambda x: f.grad(lambda w: t(t(w, w), x).sum())(w)
    )(x),
    "a tangent inside": lambda f, t, s, x, w: f.vmap(
        lambda x: f.jvp(lambda x: t(x, t(x, w)).sin(), (x,), (w,))[1]
    )(x),
    "two calls": lambda f, t, s, x, w: f.vmap(lambda x: t(t(x, w), s(x, 0)[0]).sin())(x),
}


@pytest.mark.parametrize("functions", [ADOPTED, OURS], ids=["adopted", "ours"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_three_orders_outside(name, functions):
    mine = [pg.Variable(v, requires_grad=True) for v in (X, W)]
    theirs = [v.clone().requires_grad_() for v in (X, W)]
    a = LOSSES[name](pg.func, *functions, *mine).square().sum()
    b = LOSSES[name](torch.func, *ADOPTED, *theirs).square().sum()
    for order in range(3):
        found = pg.grad(a, mine, create_graph=order < 2)
        expected = torch.autograd.grad(b, theirs, create_graph=order < 2)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one.data, other.detach())
        a, b = (sum(g.tanh().sum() for g in gradients) for gradients in (found, expected))


def test_what_is_kept_is_freed_and_watched():
    times, _ = OURS
    x = pg.Variable(X, requires_grad=True)
    y = pg.func.vmap(times)(x, x).sum()
    (once,) = pg.grad(y, x, retain_graph=True)
    (again,) = pg.grad(y, x)
    torch.testing.assert_close(once.data, again.data)
    with pytest.raises(GraphFreedError):
        pg.grad(y, x)
    z = x * 1
    y = pg.func.vmap(times)(z, z).sum()
    z.mul_(2)
    with pytest.raises(SavedTensorChangedError):
        pg.grad(y, x)


def test_what_the_rule_kept_is_freed_by_backward():
    kept = []

    class Square(pg.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * 1
            kept.append(ref(y))
            ctx.save_for_backward(y)
            return torch.from_numpy(numpy(x) ** 2)

        @staticmethod
        def backward(ctx, gy):
            return 2 * gy * ctx.saved_tensors[0]

        @staticmethod
        def vmap(info, in_dims, x):
            return Square.apply(x), in_dims[0]

    x = pg.Variable(X, requires_grad=True)
    y = pg.func.vmap(Square.apply)(x).sum()
    (g,) = pg.grad(y, x, retain_graph=True)
    assert [tensor() is not None for tensor in kept] == [True]
    pg.grad(y, x)
    assert [tensor() is None for tensor in kept] == [True]
    torch.testing.assert_close(g.data, 2 * X)


def test_the_rule_is_told_of_the_batch():
    told = []

    class Identity(pg.Function):
        @staticmethod
        def forward(ctx, x, more, k=2):
            return x.clone()

        @staticmethod
        def vmap(info, in_dims, x, more, k):
            told.append((info.batch_size, info.randomness, in_dims, k))
            return x, in_dims[0]

    for randomness in ("error", "same", "different"):
        pg.func.vmap(lambda x, y: Identity.apply(x, [y, 1.0]), (1, 0), randomness=randomness)(
            X, Y[:3]
        )
        assert told.pop() == (3, randomness, (1, [0, None], None), 2)
    # Of this map there is nothing in the arguments.
    pg.func.vmap(lambda x: x * Identity.apply(W, [W]).sum())(X)
    assert not told


REFUSED = {
    r"both generate_vmap_rule=True and a vmap": (lambda info, dims, x: (x, dims[0]), True),
    r"expected to have two returns": (lambda info, dims, x: x, False),
    r"incompatible \(output, out_dims\)": (lambda info, dims, x: (x, (None,)), False),
    r"uses a Variable which requires grad and is no argument": (
        lambda info, dims, x: (x * pg.Variable(W, requires_grad=True), dims[0]),
        False,
    ),
    r"vmap that uses a Variable which requires grad": (
        lambda info, dims, x: (x * TWICE, dims[0]),
        False,
    ),
}
#: Computed before, from a leaf.
TWICE = 2 * pg.Variable(W, requires_grad=True)


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message):
    rule, generated = REFUSED[message]

    class Bad(pg.Function):
        generate_vmap_rule = generated

        @staticmethod
        def forward(ctx, x, *, scale=1.0):
            return x * scale

        vmap = staticmethod(rule)

    with pytest.raises(VmapError, match=f"(?s)Bad has .*{message}.*fix: "):
        pg.func.vmap(Bad.apply)(pg.Variable(X, requires_grad=True))
    with pytest.raises(TypeError, match="(?s)vmap of its own.*keyword-only arguments scale.*fix: "):
        pg.func.vmap(lambda x: Bad.apply(x, scale=2.0))(pg.Variable(X))
    torch.testing.assert_close(Bad.apply(pg.Variable(X), scale=2.0).data, 2 * X)


def test_variables_come_back_as_variables():
    times, _ = OURS
    found = pg.func.vmap(times)(*tree_map(pg.Variable, (X, Y)))
    assert type(found) is pg.Variable
    assert not found.requires_grad
    torch.testing.assert_close(found.data, X * Y)


def test_as_in_torch_no_rule_is_generated_by_default():
    assert pg.Function.generate_vmap_rule is torch.autograd.Function.generate_vmap_rule is False


def total_and_product(told):
    """A Function of x and w: the sum of w, which is the same for each x, and x w."""

    class TotalAndProduct(pg.Function):
        @staticmethod
        def forward(x, w):
            return w.sum(), x * w

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, gtotal, gproduct):
            x, w = ctx.saved_tensors
            return gproduct * w, gtotal.expand(w.shape) + gproduct * x

        @staticmethod
        def vmap(info, in_dims, x, w):
            told.append(in_dims)
            one = w if in_dims[1] is None else w.mean(in_dims[1])
            dims = zip((x, w), in_dims, strict=True)
            rows = [v if d is None else v.movedim(d, 0) for v, d in dims]
            return (one.sum(), rows[0] * rows[1]), (None, 0)

    return TotalAndProduct


def test_an_output_without_the_batch_gets_the_sum_of_its_cotangents():
    x = torch.arange(6, dtype=torch.float64).reshape(2, 3)
    w = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    factors = torch.tensor([3.0, 5.0], dtype=torch.float64)
    told = []
    ours = pg.Variable(w, requires_grad=True)
    totals, products = pg.func.vmap(total_and_product(told).apply, (0, None))(pg.Variable(x), ours)
    # What requires grad has the batch in it: docs/from-torch-func.md.
    assert told == [(0, 0)]
    assert totals.tolist() == [7, 7]
    (factors * totals).sum().add(products.sum()).backward()
    # Each of w is in both totals, and in its column of the products.
    assert ours.grad.tolist() == [8 + 3, 8 + 5, 8 + 7]


def test_the_same_output_of_all_samples_has_its_gradient_for_each():
    x, w = torch.ones(2, 3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    function = total_and_product([])

    def total(w, x):
        return function.apply(x, w)[0]

    each = pg.func.vmap(pg.func.grad(total), (None, 0))(pg.Variable(w), pg.Variable(x))
    assert each.tolist() == [[1, 1, 1], [1, 1, 1]]


def product_and_more(base):
    """x y; and beside it what is no tensor, what is not differentiable, and what is no result."""

    class ProductAndMore(base):
        @staticmethod
        def forward(x, y):
            return 3, x * y, {"above": x > y, "none": None}, x.detach() * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, *gradients):
            x, y = ctx.saved_tensors
            return gradients[1] * y, gradients[1] * x

        @staticmethod
        def vmap(info, in_dims, x, y):
            x, y = (first(v, dim, info) for v, dim in zip((x, y), in_dims, strict=True))
            output = ProductAndMore.apply(x, y)
            return output, (None, 0, {"above": 0, "none": None}, 0)

    return ProductAndMore


def test_outputs_that_are_no_tensors_or_not_differentiable():
    def results(lib, base, grad, leaf):
        x, w, flags = leaf(X), leaf(X[0]), []

        def f(x, w):
            number, product, others, double = product_and_more(base).apply(x, w)
            flags.append((number, others["none"], others["above"].requires_grad))
            return number * product + others["above"] + double, others["above"]

        y, above = lib.vmap(f, (0, None))(x, w)
        gradients = grad(y.square().sum(), [x, w], create_graph=True)
        seconds = grad(gradients[1].square().sum(), [x, w])
        return [getattr(t, "data", t) for t in (y, above, *gradients, *seconds)], flags

    found, flags = results(pg.func, pg.Function, pg.grad, lambda t: pg.Variable(t, True))
    torchs = torch.func, torch.autograd.Function, torch.autograd.grad
    expected, _ = results(*torchs, lambda t: t.clone().requires_grad_())
    assert flags == [(3, None, False)]
    torch.testing.assert_close(found, [t.detach() for t in expected])


def test_jacobians_of_maps_in_maps():
    """What the rule computed is kept as it is outside of all maps."""

    class Cube(pg.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x**3 * y

        @staticmethod
        def backward(ctx, gz):
            x, y = ctx.saved_tensors
            return gz * 3 * x**2 * y, gz * x**3

        @staticmethod
        def vmap(info, in_dims, x, y):
            x, y = (first(v, dim, info) for v, dim in zip((x, y), in_dims, strict=True))
            return x**3 * y, 0

    def f(vmap, cube):
        return lambda x: vmap(lambda r: vmap(cube, (0, None))(r, r.sum()))(x)

    expected = torch.func.jacrev(f(torch.func.vmap, lambda x, y: x**3 * y))(X)
    torch.testing.assert_close(pg.func.jacrev(f(pg.func.vmap, Cube.apply))(X), expected)
    x = pg.Variable(X, requires_grad=True)
    y = f(pg.func.vmap, Cube.apply)(x)
    rows = torch.eye(X.numel(), dtype=torch.float64).view(-1, *X.shape)
    (found,) = pg.func.vmap(lambda c: pg.grad(y, x, c, retain_graph=True))(rows)
    torch.testing.assert_close(found.data.view(expected.shape), expected)

"""vmap's arguments and errors, against torch.func.vmap's."""

from __future__ import annotations

import pytest
import torch
from torch.utils._pytree import tree_flatten

import plugrad as pg
from plugrad.errors import InplaceError, VmapError

vmap = pg.func.vmap


@pytest.fixture(autouse=True)
def _random_numbers_are_as_before():
    with torch.random.fork_rng(devices=[]):
        yield


def tensor(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


X, Y = tensor(5, 3), tensor(3, 5, seed=1)


def agree(mine, expected, kind):
    found, spec = tree_flatten(mine)
    wanted, wanted_spec = tree_flatten(expected)
    assert spec == wanted_spec
    for a, b in zip(found, wanted, strict=True):
        assert type(a) is kind
        torch.testing.assert_close(a if kind is torch.Tensor else a.data, b)


def leaf(data):
    return pg.Variable(data, requires_grad=True)


KINDS = [(torch.Tensor, lambda t: t), (pg.Variable, pg.Variable), (pg.Variable, leaf)]
CALLS = {
    "in_dims": (lambda x, y: x * y.exp(), (X, Y), {"in_dims": (0, 1)}),
    "negative": (lambda x, y: x * y.exp(), (X, Y), {"in_dims": (0, -1), "out_dims": -1}),
    "none": (lambda x, y: (x * y).sum(), (X, Y[:, 0]), {"in_dims": (0, None)}),
    "structure": (
        lambda t, y: {"a": t["x"] * 2, "b": (t["x"] @ y,)},
        ({"x": X}, Y),
        {"in_dims": ({"x": 0}, 1), "out_dims": {"a": 1, "b": (0,)}},
    ),
    "one output in a tuple": (lambda x: x.sin(), (X,), {"out_dims": (1,)}),
    "chunks": (lambda x, y: (x * y, x.sum()), (X, Y), {"in_dims": (0, 1), "chunk_size": 2}),
    "one chunk": (lambda x: x.tanh(), (X,), {"chunk_size": 9}),
    "an output of no sample": (
        lambda x: (x.sin(), torch.ones(2, dtype=torch.float64)),
        (X,),
        {"out_dims": (0, None)},
    ),
}


@pytest.mark.parametrize(("kind", "make"), KINDS, ids=["tensors", "constants", "leaves"])
@pytest.mark.parametrize("name", CALLS)
def test_as_torch(name, kind, make):
    f, args, options = CALLS[name]
    given = torch.utils._pytree.tree_map(make, args)
    agree(vmap(f, **options)(*given), torch.func.vmap(f, **options)(*args), kind)


def test_keywords_are_not_mapped():
    agree(vmap(lambda x, *, w: x * w)(X, w=X[0]), X * X[0], torch.Tensor)
    w = leaf(X[0])
    found = vmap(lambda x, *, w: x * w)(leaf(X), w=w)
    agree(pg.grad(found.sum(), w), (X.sum(0),), pg.Variable)


@pytest.mark.parametrize("chunk_size", [None, 2])
@pytest.mark.parametrize(("kind", "make"), KINDS, ids=["tensors", "constants", "leaves"])
def test_what_is_no_tensor_is_returned_as_it_is_where_out_dims_says_none(kind, make, chunk_size):
    def f(x):
        return x.sin(), {"name": "sin", "nothing": None}, 3

    y, *others = vmap(f, out_dims=(0, None, None), chunk_size=chunk_size)(make(X))
    agree(y, X.sin(), kind)
    assert others == [{"name": "sin", "nothing": None}, 3]
    assert vmap(lambda x: "sin", out_dims=None)(make(X)) == "sin"


@pytest.mark.parametrize(("kind", "make"), KINDS, ids=["tensors", "constants", "leaves"])
def test_of_no_samples_what_depends_on_none_is_returned(kind, make):
    def f(x):
        return x.sin(), (Y.exp(), "exp")

    found = vmap(f, out_dims=(0, None))(make(X[:0]))
    assert found[1][1] == "exp"
    agree((found[0], found[1][0]), (X[:0], Y.exp()), kind)
    w = leaf(Y)
    (g,) = pg.grad(vmap(lambda x: w.exp(), out_dims=None)(make(X[:0])).sum(), w)
    torch.testing.assert_close(g.data, Y.exp())


def test_a_bool_is_a_dimension_of_outputs():
    agree(vmap(torch.sin, 0, True)(X), torch.func.vmap(torch.sin, 0, True)(X), torch.Tensor)


def test_nested_maps():
    f = vmap(vmap(lambda x, y: x * y, (None, 0)), (0, None))
    agree(f(leaf(X[0]), leaf(Y[0])), torch.outer(X[0], Y[0]), pg.Variable)


# --- randomness and in-place changes -------------------------------------------------


@pytest.mark.parametrize("chunk_size", [None, 2])
@pytest.mark.parametrize("make", [lambda t: t, leaf], ids=["tensors", "leaves"])
def test_randomness(make, chunk_size):
    ones = make(torch.ones(4, 200))

    def rows(randomness):
        torch.manual_seed(0)
        f = vmap(torch.nn.functional.dropout, randomness=randomness, chunk_size=chunk_size)
        found = f(ones)
        return getattr(found, "data", found)

    different, same = rows("different"), rows("same")
    assert len({tuple(row) for row in different.tolist()}) == 4
    assert len({tuple(row) for row in same.tolist()}) == 1
    with pytest.raises(RuntimeError, match="randomness error mode"):
        rows("error")


def test_a_gradient_sees_what_was_drawn():
    x = leaf(torch.ones(3, 50))
    y = vmap(lambda x: torch.nn.functional.dropout(x) * x, randomness="different")(x)
    (g,) = pg.grad(y.sum(), x)
    torch.testing.assert_close(g.data, 2 * y.data)


def test_in_place_changes_inside():
    def f(x):
        y = x.clone()
        y[0] = x[1] * 2
        y *= x
        return y.sum()

    agree(vmap(f)(leaf(X)), torch.func.vmap(f)(X), pg.Variable)
    u, v = X.clone().requires_grad_(), leaf(X)
    (expected,) = torch.autograd.grad(torch.func.vmap(f)(u).sum(), u)
    agree(pg.grad(vmap(f)(v).sum(), v), (expected,), pg.Variable)


def test_an_input_is_changed_in_place_as_in_torch():
    ours, theirs = pg.Variable(X.clone()), X.clone()
    vmap(lambda x: x.mul_(2))(ours)
    torch.func.vmap(lambda x: x.mul_(2))(theirs)
    torch.testing.assert_close(ours.data, theirs)


def test_an_input_that_would_lose_a_graph_is_not_changed():
    w = leaf(X[0])
    with pytest.raises(VmapError, match=r"(?s)mapped input 0 in place.*fix: .*clone\(\)"):
        vmap(lambda x: x.mul_(w))(pg.Variable(X.clone()))


# --- refusals ------------------------------------------------------------------------

REFUSED = {
    r"must be int, not bool|got \(bool\)": lambda x: vmap(torch.sin, True)(x),
    r"Got in_dim=3 for some input": lambda x: vmap(torch.sin, 3)(x),
    r"expected `in_dims` to be int or a \(poten": lambda x: vmap(torch.sin, [0])(x),
    r"not compatible with the structure of `inputs`": lambda x: vmap(torch.sin, (0, 0))(x),
    r"got no inputs": lambda x: vmap(torch.sin)(),
    r"Expected at least one Tensor to vmap over": lambda x: vmap(torch.sin, (None,))(x),
    r"expected tensors? to have the same size|the same size": lambda x: vmap(torch.add)(x, x[:2]),
    r"the input is of type": lambda x: vmap(torch.add)(x, 2.0),
    r"must only return Tensors, got type": lambda x: vmap(lambda x: 3)(x),
    r"got type <class 'str'>": lambda x: vmap(lambda x: (x, "a"), 0, (0, 0))(x),
    r"equal cannot be mapped: vmap: Batching rule": lambda x: vmap(torch.equal)(x, x),
    r"not compatible with the structure of `outputs`": lambda x: vmap(torch.sin, 0, (0, 0))(x),
    r"`out_dims` must be": lambda x: vmap(torch.sin, 0, "a")(x),
    r"can not return a BatchedTensor when out_dim is None": lambda x: vmap(torch.sin, 0, None)(x),
    r"range of \[-2, 1\], but got 2": lambda x: vmap(torch.sin, 0, 2)(x),
    r"range of \[-1, 0\], but got -2": lambda x: vmap(torch.sum, 0, -2)(x),
    r"Only allowed values for randomness": lambda x: vmap(torch.sin, randomness="no")(x),
    r"chunk_size should be None or greater": lambda x: vmap(torch.sin, chunk_size=0)(x),
    r"calling \.item\(\)": lambda x: vmap(lambda x: x * x.sum().item())(x),
    r"data-dependent control flow": lambda x: vmap(lambda x: x if x.sum() > 0 else -x)(x),
    r"nn.functional.dropout cannot be mapped": lambda x: vmap(torch.nn.functional.dropout)(x),
    r"mul cannot be mapped: vmap: inplace arithmetic": lambda x: vmap(
        lambda x: pg.Variable(torch.ones(3).double()).mul_(x)
    )(x),
}


@pytest.mark.parametrize("make", [pg.Variable, leaf], ids=["constants", "leaves"])
@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message, make):
    with pytest.raises(VmapError, match=f"(?s){message}.*fix: "):
        REFUSED[message](make(X))


class Branches(pg.Function):
    """2 x, with a backward that looks at values."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy if gy.sum() > 0 else gy + gy


def test_a_rule_that_cannot_be_mapped_is_named():
    x = leaf(X)
    refused = r"(?s)the backward of Branches cannot be mapped: vmap.*fix: compute without"
    with pytest.raises(VmapError, match=refused):
        vmap(Branches.apply)(x).sum().backward()
    with pytest.raises(VmapError, match=refused):
        vmap(pg.func.grad(lambda x: Branches.apply(x).sum()))(X)
    with pytest.raises(VmapError, match=r"(?s)Branches cannot be mapped.*fix: pass chunk_size=1"):
        pg.func.jacrev(Branches.apply)(X[0])
    with pytest.raises(VmapError, match=r"(?s)Branches cannot be mapped.*fix: leave vectorize"):
        pg.functional.jacobian(Branches.apply, X[0], vectorize=True)
    found = pg.func.jacrev(Branches.apply, chunk_size=1)(X[0])
    agree(found, 2 * torch.eye(3).double(), torch.Tensor)
    assert pg.functional.jacobian(Branches.apply, X[0]).shape == (3, 3)


def test_the_functions_own_errors_pass():
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        vmap(f)(X)
    with pytest.raises(RuntimeError, match="size"):
        vmap(lambda x: x @ torch.ones(7))(leaf(X))


def test_it_keeps_the_name():
    assert vmap(test_it_keeps_the_name).__name__ == "test_it_keeps_the_name"


def test_results_are_changed_in_place_as_torchs():
    ours, theirs = leaf(X), X.clone().requires_grad_()
    for x, mapped in ((ours, vmap), (theirs, torch.func.vmap)):
        y = mapped(lambda x: x.exp() * 2)(x)
        y.mul_(3)
        (y * y).sum().backward()
    torch.testing.assert_close(ours.grad.data, theirs.grad)


def test_a_result_that_has_the_memory_of_another_is_not_changed_silently():
    x = leaf(X)
    whole, part = vmap(lambda x: (y := x * 2, y[:1]))(x)
    with pytest.raises(InplaceError, match="(?s)multiple views.*fix: "):
        part.mul_(3)
    whole.mul_(3)
    with pytest.raises(InplaceError, match="(?s)its base or another view of its base.*fix: "):
        part.sum().backward()
    whole.sum().backward()
    torch.testing.assert_close(x.grad.data, torch.full_like(X, 6))

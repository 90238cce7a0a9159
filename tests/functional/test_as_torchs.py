"""What torch's own test/autograd/test_functional.py states, statement by statement.

Each test runs on torch.autograd.functional with tensors and on plugrad.functional with Variables,
and demands the same of both.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

import plugrad as pg

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # torch loads decompositions

LIBRARIES = {
    "torch": SimpleNamespace(
        functional=torch.autograd.functional,
        grad=torch.autograd.grad,
        leaf=lambda t, requires_grad=True: t.clone().requires_grad_(requires_grad),
        kind=torch.Tensor,
    ),
    "plugrad": SimpleNamespace(
        functional=pg.functional,
        grad=pg.grad,
        leaf=lambda t, requires_grad=True: pg.Variable(t.clone(), requires_grad),
        kind=pg.Variable,
    ),
}
NAMES = ("jacobian", "hessian", "vjp", "jvp", "vhp", "hvp")
SECOND = ("hessian", "vhp", "hvp")


@pytest.fixture(params=LIBRARIES)
def lib(request):
    return LIBRARIES[request.param]


def rand(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def raw(value):
    """Tensors of whatever a function returned, in tuples."""
    if isinstance(value, tuple | list):
        return tuple(map(raw, value))
    return value.data if isinstance(value, pg.Variable) else value.detach()


def same(a, b):
    a, b = raw(a), raw(b)
    if isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    else:
        torch.testing.assert_close(a, b)


def call(lib, name, f, inputs, v=None, **options):
    """The derivative alone, as the products return the output, too."""
    function = getattr(lib.functional, name)
    if name in ("jacobian", "hessian"):
        return function(f, inputs, **options)
    return function(f, inputs, v, **options)[1]


def scalar(*inputs):
    return sum((x.sin() * x * x.sum()).sum() for x in inputs)


def reducer(*inputs):
    return sum((x.exp() * x.sum()).sum(dim=-1) for x in inputs)


def function_of(name):
    return scalar if name in SECOND else reducer


def vector_for(name, f, inputs):
    if name in ("jacobian", "hessian"):
        return None
    if name == "vjp":
        return torch.ones_like(raw(f(*[i.detach() for i in inputs])))
    return tuple(rand(*i.shape, seed=9 + n) for n, i in enumerate(inputs))


# --- what is refused -----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_err_check(lib, name):
    x = lib.leaf(rand(4))
    f, v = function_of(name), torch.ones(4).double()
    with pytest.raises(TypeError, match=f"The inputs given to {name} must be either a Tensor"):
        call(lib, name, f, (x, 2), v)
    match = f"The outputs of the user-provided function given to {name} must"
    with pytest.raises(TypeError, match=match):
        call(lib, name, lambda x: (x.sum(), "bar"), x, v)


@pytest.mark.parametrize("name", SECOND)
def test_err_check_of_the_output(lib, name):
    x, v = lib.leaf(rand(4)), torch.ones(4).double()
    with pytest.raises(RuntimeError, match="should contain a single element"):
        call(lib, name, lambda x: 3 * x.narrow(0, 0, 3), x, v)
    with pytest.raises(RuntimeError, match="should return a single Tensor"):
        call(lib, name, lambda x: (x.sum(), x.sum()), x, v)


@pytest.mark.parametrize("name", ["vjp", "jvp", "vhp", "hvp"])
def test_err_check_of_the_vector(lib, name):
    f = function_of(name)
    x = lib.leaf(rand(4, 4) if name == "vjp" else rand(4))
    with pytest.raises(RuntimeError, match="The vector v can only be None if"):
        call(lib, name, f, x)
    with pytest.raises(RuntimeError, match="The given v should contain a single Tensor"):
        call(lib, name, f, x, (torch.ones(4).double(), torch.ones(4).double()))
    with pytest.raises(RuntimeError, match="v has invalid size: should be torch.Size"):
        call(lib, name, f, x, torch.ones(3).double())
    if name != "vjp":
        with pytest.raises(RuntimeError, match="v is a tuple of invalid length: should be 2"):
            call(lib, name, f, (x, x), (torch.ones(4).double(),))
        with pytest.raises(RuntimeError, match="Entry 1 in v has invalid size: should be"):
            call(lib, name, f, (x, x), (torch.ones(4).double(), torch.ones(3).double()))


@pytest.mark.parametrize("name", NAMES)
def test_err_check_strict(lib, name):
    x = lib.leaf(rand(4))
    v = torch.ones(4).double()
    second = name in SECOND

    def detached(x):
        y = x.detach()
        return y.sum() if second else y

    with pytest.raises(RuntimeError, match="Output 0 of the user-provided function does not req"):
        call(lib, name, detached, x, v, strict=True)
    loose = call(lib, name, detached, x, v, strict=False)
    assert (raw(loose) == 0).all()

    def unrelated(x):
        y = lib.leaf(x.long().double().data).clone()
        return y.sum() if second else y

    match = "of the user-provided function .*is independent of (the )?input"
    with pytest.raises(RuntimeError, match=match):
        call(lib, name, unrelated, x, v, strict=True)
    loose = call(lib, name, unrelated, x, v, strict=False)
    assert (raw(loose) == 0).all()


@pytest.mark.parametrize("name", SECOND)
def test_err_check_strict_of_a_linear_function(lib, name):
    x, v = lib.leaf(rand(4)), torch.ones(4).double()
    with pytest.raises(RuntimeError, match="jacobian of the user-provided function with respect"):
        call(lib, name, lambda x: (3 * x).sum(), x, v, strict=True)
    assert (raw(call(lib, name, lambda x: (3 * x).sum(), x, v)) == 0).all()


@pytest.mark.parametrize("name", ["vjp", "jvp", "jacobian"])
def test_err_check_strict_with_create_graph(lib, name):
    x, v = lib.leaf(rand(4)), torch.ones(4).double()
    match = "jacobian of the user-provided function is independent of input 0"
    with pytest.raises(RuntimeError, match=match):
        call(lib, name, lambda x: x.clone(), x, v, create_graph=True, strict=True)
    loose = call(lib, name, lambda x: x.clone(), x, v, create_graph=True, strict=False)
    expected = torch.eye(4) if name == "jacobian" else torch.ones(4)
    same(loose, expected.double())


def test_err_check_strict_looks_at_each_output(lib):
    """The Jacobian of one output depends on x, that of the other does not."""
    x = lib.leaf(rand(3))

    def jacobian(f):
        return call(lib, "jacobian", f, x, create_graph=True, strict=True)

    jacobian(lambda x: (x * x, x.exp()))
    for outputs in (lambda x: (2 * x, x * x), lambda x: (x * x, 2 * x)):
        with pytest.raises(RuntimeError, match="jacobian of the user-provided function is indep"):
            jacobian(outputs)


@pytest.mark.parametrize("name", ["jacobian", "hessian"])
def test_err_check_strict_vectorize(lib, name):
    with pytest.raises(RuntimeError, match="not supported together"):
        call(lib, name, function_of(name), lib.leaf(rand(3)), strict=True, vectorize=True)


def test_err_check_of_the_strategy(lib):
    # torch raises AssertionError: a mistake of a caller's, all the same
    for name, key in (("jacobian", "strategy"), ("hessian", "outer_jacobian_strategy")):
        with pytest.raises((RuntimeError, AssertionError), match="Expected strategy to be either"):
            call(lib, name, function_of(name), lib.leaf(rand(3)), **{key: "nope"})
    with pytest.raises(RuntimeError, match="not supported together"):
        call(
            lib, "jacobian", reducer, lib.leaf(rand(3)), strict=True, strategy="forward-mode",
            **({"vectorize": False} if lib.kind is pg.Variable else {}),
        )  # fmt: skip


# --- grad modes and graphs -----------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_no_grad(lib, name):
    f = function_of(name)
    inputs = (lib.leaf(rand(4, 4)),)
    v = vector_for(name, f, inputs)
    with torch.no_grad():
        found = call(lib, name, f, inputs, v)
        kept = call(lib, name, f, inputs, v, create_graph=True)
    same(found, kept)
    for each, recorded in zip(found, kept, strict=True):
        inner, other = each, recorded
        while isinstance(inner, tuple):
            inner, other = inner[0], other[0]
        assert inner.grad_fn is None
        assert not inner.requires_grad
        assert other.grad_fn is not None
        assert (raw(inner) != 0).any()


@pytest.mark.parametrize("name", ["vjp", "jvp", "vhp", "hvp"])
def test_the_output_is_returned(lib, name):
    f = function_of(name)
    inputs = (lib.leaf(rand(4, 4)), lib.leaf(rand(4, 4, seed=1)))
    v = vector_for(name, f, inputs)
    function = getattr(lib.functional, name)
    for create_graph in (False, True):
        output, product = function(f, inputs, v, create_graph=create_graph)
        same(output, f(*inputs))
        assert (output.grad_fn is not None) is create_graph
        assert isinstance(product, tuple) is (name != "jvp")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 2])
def test_create_graph_can_be_differentiated(name, count):
    results = []
    for lib in LIBRARIES.values():
        inputs = [lib.leaf(rand(2, 2, seed=n)) for n in range(count)]
        f = function_of(name)
        given = tuple(inputs) if count > 1 else inputs[0]
        v = vector_for(name, f, inputs)
        v = v[0] if isinstance(v, tuple) and count == 1 else v
        found = call(lib, name, f, given, v, create_graph=True)
        flat = torch.utils._pytree.tree_leaves(found)
        loss = sum((t * t.sin()).sum() for t in flat)
        results.append(lib.grad(loss, inputs, allow_unused=True))
    same(results[0], results[1])


@pytest.mark.parametrize("name", NAMES)
def test_scalars(lib, name):
    """Without v where there is one element, also without dimensions."""
    for x in (lib.leaf(rand(1)), lib.leaf(rand(1)[0])):
        value = raw(x).reshape(-1)[0]
        found = call(lib, name, lambda x: x.sin().sum(), x)
        expected = -value.sin() if name in SECOND else value.cos()
        assert raw(found).sum().item() == pytest.approx(expected.item())
        if name != "jvp":
            wanted = (*x.shape, *x.shape) if name == "hessian" else tuple(x.shape)
            assert tuple(found.shape) == wanted


# --- Jacobians and Hessians ----------------------------------------------------------

FUNCTIONS = {
    "simple": (lambda x: 3 * x**2, [(3,)]),
    "several inputs": (lambda x, y: (x.cos() * x) @ y.sin(), [(3, 2), (2, 3)]),
    "several outputs": (lambda x, y: (x * x @ y, x @ (x.sum(1) * y), y.sum()), [(3, 3), (3, 3)]),
    "unrelated outputs": (lambda x, y: (x, y, x), [(2,), (3,)]),
    "zero dimensions": (lambda x: (x.sum(), x**2, x * 1), [()]),
    "mixed dimensions": (lambda x, y: (x.sum() * y, y.sin()), [(2, 2), ()]),
    "an unused input": (lambda x, y: x.exp(), [(2,), (3,)]),
}
OPTIONS = [
    {"vectorize": False},
    {"vectorize": True},
    {"vectorize": True, "strategy": "forward-mode"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=["loop", "vectorize", "forward"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian_correctness(name, options):
    f, shapes = FUNCTIONS[name]
    data = [rand(*shape, seed=n) for n, shape in enumerate(shapes)]
    data = data[0] if len(data) == 1 else tuple(data)
    expected = torch.autograd.functional.jacobian(f, data)
    found = pg.functional.jacobian(f, data, **options)
    assert type(torch.utils._pytree.tree_leaves(found)[0]) is torch.Tensor
    same(found, expected)


HESSIANS = {
    "simple": (lambda x: (3 * x**2).sum(), [(3,)]),
    "several inputs": (lambda x, y: (x.relu() * x @ y.sin() @ y).sum(), [(2, 3), (3, 3)]),
    "an unrelated input": (lambda x, y: (x**2).sum(), [(3,), (2,)]),
    "zero dimensions": (lambda x: x**3, [()]),
    "zero dimensions and others": (lambda x, y: (x * y**2).sum(), [(), (3,)]),
    "one element": (lambda x: (x**3).sum().reshape(1), [(2,)]),
}


@pytest.mark.parametrize("options", OPTIONS, ids=["loop", "vectorize", "forward"])
@pytest.mark.parametrize("name", HESSIANS)
def test_hessian_correctness(name, options):
    f, shapes = HESSIANS[name]
    data = [rand(*shape, seed=n) for n, shape in enumerate(shapes)]
    data = data[0] if len(data) == 1 else tuple(data)
    options = dict(options)
    options["outer_jacobian_strategy"] = options.pop("strategy", "reverse-mode")
    expected = torch.autograd.functional.hessian(f, data)
    same(pg.functional.hessian(f, data, **options), expected)


@pytest.mark.parametrize("vectorize", [False, True])
def test_jacobian_correctness_different_dtype(lib, vectorize):
    x, y = lib.leaf(rand(2, 2).float()), lib.leaf(rand(2, 2, seed=1))
    found = lib.functional.jacobian(
        lambda x, y: ((x * y).float(), (x * y).double()), (x, y), vectorize=vectorize
    )
    assert [[j.dtype for j in row] for row in found] == [[torch.float32, torch.float64]] * 2


@pytest.mark.parametrize("vectorize", [False, True])
def test_jacobian_matches_vjp_and_jvp(lib, vectorize):
    x = lib.leaf(rand(4))
    f = lambda x: torch.stack([x.exp().sum(), (x * x).prod()])  # noqa: E731
    jacobian = raw(lib.functional.jacobian(f, x, vectorize=vectorize))
    v, w = rand(4, seed=2), rand(2, seed=3)
    same(lib.functional.jvp(f, x, v)[1], jacobian @ v)
    same(lib.functional.vjp(f, x, w)[1], w @ jacobian)


def test_hessian_matches_vhp_and_hvp(lib):
    x, v = lib.leaf(rand(4)), rand(4, seed=2)
    hessian = raw(lib.functional.hessian(scalar, x))
    same(lib.functional.hvp(scalar, x, v)[1], hessian @ v)
    same(lib.functional.vhp(scalar, x, v)[1], v @ hessian)


def test_functions_of_the_captured_input(lib):
    """A closure over the same leaf is a constant, not an input."""
    x = lib.leaf(rand(3))
    same(lib.functional.jacobian(lambda y: y * x, x), torch.diag(raw(x)))
    found = lib.functional.jacobian(lambda y: y * x, x, create_graph=True)
    (g,) = lib.grad((found * found).sum(), x)
    same(g, 2 * raw(x))


def test_no_warnings(lib, recwarn):
    lib.functional.jacobian(lambda x: x.sin() * x, lib.leaf(rand(3)), vectorize=True)
    lib.functional.hessian(scalar, lib.leaf(rand(3)), vectorize=True)
    assert not [w for w in recwarn if "vmap" in str(w.message)]


@pytest.mark.parametrize("name", NAMES)
def test_given_variables_torchs_own_functions_do_the_same(name):
    f = function_of(name)
    inputs = (pg.Variable(rand(3), True), pg.Variable(rand(3, seed=1), True))
    v = vector_for(name, f, inputs)
    theirs = SimpleNamespace(functional=torch.autograd.functional)
    for create_graph in (False, True):
        ours = call(LIBRARIES["plugrad"], name, f, inputs, v, create_graph=create_graph)
        found = call(theirs, name, f, inputs, v, create_graph=create_graph)
        same(found, ours)
        leaf = torch.utils._pytree.tree_leaves(found)[0]
        assert type(leaf) is pg.Variable
        assert leaf.requires_grad is create_graph


def test_or_say_to_use_ours():
    x = pg.Variable(rand(3), True)
    with pytest.raises(NotImplementedError, match="(?s)cannot take a Variable.*plugrad.functional"):
        torch.autograd.functional.jacobian(reducer, x, vectorize=True, strategy="forward-mode")

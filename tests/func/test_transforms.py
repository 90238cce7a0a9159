"""grad, grad_and_value, vjp, jvp and linearize against torch.func's."""

from __future__ import annotations

import pytest
import torch
from torch.utils._pytree import tree_map

import plugrad as pg
from plugrad.errors import (
    ForwardModeError,
    TorchGraphError,
    TransformError,
    TransformTypeError,
)
from plugrad.tests.func.functions import A, X, agree, scalar, tensor, vector

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # torch loads decompositions

ours, theirs = pg.func, torch.func


@pytest.fixture(autouse=True)
def _random_numbers_are_as_before():
    with torch.random.fork_rng(devices=[]):
        yield


# --- values --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["grad", "grad_and_value"])
def test_gradients_of_a_scalar_function(name):
    expected = getattr(theirs, name)(scalar)(X)
    agree(getattr(ours, name)(scalar)(X), expected)
    agree(getattr(ours, name)(scalar)(pg.Variable(X)), expected, pg.Variable)


def test_argnums_take_pytrees_and_keywords_are_passed_on():
    def f(params, x, *, scale):
        return (params["w"] * x).sum() * scale + params["b"][0].exp()

    params = {"w": tensor(4, seed=2), "b": (tensor(1, seed=3)[0],)}
    for argnums in (0, 1, -1, (0, 1), (1, 0), (-2,)):
        expected = theirs.grad(f, argnums)(params, X, scale=3.0)
        agree(ours.grad(f, argnums)(params, X, scale=3.0), expected)


def test_aux():
    def f(x):
        return scalar(x), {"twice": 2 * x, "n": (x.sum(),)}

    agree(ours.grad(f, has_aux=True)(X), theirs.grad(f, has_aux=True)(X))
    agree(ours.grad_and_value(f, has_aux=True)(X), theirs.grad_and_value(f, has_aux=True)(X))
    mine, wanted = ours.vjp(f, X, has_aux=True), theirs.vjp(f, X, has_aux=True)
    agree((mine[0], mine[2]), (wanted[0], wanted[2]))
    one = (torch.ones_like(X),)
    agree(ours.jvp(f, (X,), one, has_aux=True), theirs.jvp(f, (X,), one, has_aux=True))


def test_aux_may_hold_what_is_not_a_tensor():
    gradient, aux = ours.grad(lambda x: (scalar(x), {"name": "loss"}), has_aux=True)(X)
    assert aux == {"name": "loss"}
    assert gradient.shape == X.shape


def test_vjp():
    cotangent = tensor(3, seed=5)
    for primals in ((X,), (X, A)):
        f = vector if len(primals) == 1 else lambda x, a: torch.tanh(a @ x)
        value, pull = ours.vjp(f, *primals)
        wanted, their_pull = theirs.vjp(f, *primals)
        agree((value, pull(cotangent)), (wanted, their_pull(cotangent)))
        agree(pull(2 * cotangent), their_pull(2 * cotangent))  # as often as you like
        _, pull = ours.vjp(f, *map(pg.Variable, primals))
        agree(pull(cotangent), their_pull(cotangent), pg.Variable)


def test_vjp_of_a_structure():
    def f(tree):
        return {"a": tree[0] * 2, "b": [tree[1].sin(), tree[0].sum()]}

    primal = (X, A)
    cotangents = {"a": X, "b": [A, tensor(1, seed=7)[0]]}
    agree(ours.vjp(f, primal)[1](cotangents), theirs.vjp(f, primal)[1](cotangents))


def test_jvp_and_linearize():
    tangent = tensor(4, seed=6)
    expected = theirs.jvp(vector, (X,), (tangent,))
    agree(ours.jvp(vector, (X,), (tangent,)), expected)
    value, push = ours.linearize(vector, X)
    agree((value, push(tangent)), expected)
    agree(push(2 * tangent), 2 * expected[1])
    agree(ours.linearize(vector, pg.Variable(X))[1](tangent), expected[1], pg.Variable)
    agree(ours.jvp(vector, (pg.Variable(X),), (tangent,)), expected, pg.Variable)
    agree(ours.jvp(vector, (X,), (pg.Variable(tangent),)), expected, pg.Variable)


def test_what_does_not_depend_on_the_input_is_zero():
    zeros = torch.zeros_like(X)
    agree(ours.grad(lambda x: A.sum())(X), zeros)
    agree(ours.grad(lambda x: x.detach().sum())(X), zeros)
    agree(ours.vjp(lambda x: A, X)[1](A), (zeros,))
    agree(ours.jvp(lambda x: A, (X,), (X,)), (A, torch.zeros_like(A)))


def test_complex_inputs():
    z = torch.complex(tensor(3), tensor(3, seed=1))
    t = torch.complex(tensor(3, seed=2), tensor(3, seed=3))

    def f(z):
        return (z * z.conj().sin() * torch.exp(z)).abs().sum()

    agree(ours.grad(f)(z), theirs.grad(f)(z))
    agree(ours.jvp(f, (z,), (t,)), theirs.jvp(f, (z,), (t,)))


def test_in_place_changes_and_views():
    def f(x):
        y = x.clone()
        y[1:] *= x[0]
        y[0] = y[1] * 2
        return y.view(2, 2).T.exp().sum(0)

    t = tensor(4, seed=8)
    agree(ours.jvp(f, (X,), (t,)), theirs.jvp(f, (X,), (t,)))
    agree(ours.vjp(f, X)[1](tensor(2)), theirs.vjp(f, X)[1](tensor(2)))


# --- nesting -------------------------------------------------------------------------


def test_a_closure_is_not_confused_with_the_argument():
    def f(x):
        return x * ours.grad(lambda y: x + y)(torch.tensor(1.0))

    agree(ours.grad(f)(torch.tensor(2.0)), torch.tensor(1.0))


@pytest.mark.parametrize("inner", ["grad", "jvp"])
@pytest.mark.parametrize("outer", ["grad", "jvp"])
@pytest.mark.parametrize("same", [False, True], ids=["a tensor", "the outer variable"])
def test_perturbations_are_not_confused(outer, inner, same):
    """d/dx [x * d/dy (x * y * y)] at y = 1 or y = x: 4 x, or 6 x^2."""
    one = torch.tensor(1.0, dtype=torch.float64)

    def derivative(kind, f, x):
        if kind == "grad":
            return ours.grad(f)(x)
        return ours.jvp(f, (x,), (one,))[1]

    def f(x):
        return x * derivative(inner, lambda y: x * y * y, x if same else one)

    found = derivative(outer, f, 3 * one)
    assert type(found) is torch.Tensor
    assert found.item() == (54.0 if same else 12.0)


def test_four_levels():
    f = torch.sin
    g = f
    for transform in (ours.grad, ours.grad, ours.grad, ours.grad):
        g = transform(g)
    agree(g(X[0]), X[0].sin())


def test_forward_over_reverse_over_forward():
    t = tensor(4, seed=9)

    def directional(lib):
        return lambda x: lib.jvp(scalar, (x,), (t,))[1]

    def nested(lib):
        return lib.jvp(lib.grad(directional(lib)), (X,), (t,))

    agree(nested(ours), nested(theirs))


def test_gradients_flow_to_variables_that_were_given_or_closed_over():
    x, w = (pg.Variable(v, requires_grad=True) for v in (X, tensor(4, seed=4)))
    u, v = (d.clone().requires_grad_() for d in (X, w.data))

    def loss(lib, x, w):
        value, pull = lib.vjp(lambda x: (x * w).tanh(), x)
        tangent = lib.jvp(lambda x: (x * w).sin(), (x,), (x,))[1]
        return (lib.grad(lambda x: (x * w).exp().sum())(x) * pull(value)[0] * tangent).sum()

    mine = pg.grad(loss(ours, x, w), [x, w])
    wanted = torch.autograd.grad(loss(theirs, u, v), [u, v])
    agree(mine, wanted, pg.Variable)
    assert x.grad is w.grad is None


def test_given_tensors_a_closure_over_a_variable_makes_a_variable():
    w = pg.Variable(X, requires_grad=True)
    found = ours.grad(lambda x: (x * w * w).sum())(X)
    assert isinstance(found, pg.Variable)
    agree(pg.grad(found.sum(), w), (2 * X,), pg.Variable)


# --- grad modes ----------------------------------------------------------------------


def test_no_grad_outside_is_not_respected_inside_it_is():
    w = pg.Variable(X, requires_grad=True)
    with torch.no_grad():
        found = ours.grad(scalar)(w)
    agree(found, theirs.grad(scalar)(X), pg.Variable)
    assert not found.requires_grad

    def f(x):
        with torch.no_grad():
            c = x * x
        return (c * x).sum()

    agree(ours.grad(f)(X), theirs.grad(f)(X))
    # Here torch differs: its jvp goes through no_grad, which its grad does not.
    agree(ours.jvp(f, (X,), (torch.ones_like(X),))[1], (X * X).sum())
    assert torch.is_grad_enabled()


IN_INFERENCE = {
    "grad": lambda x: ours.grad(scalar)(x),
    "vjp": lambda x: ours.vjp(vector, x)[1](torch.ones(3, dtype=x.dtype)),
    "jvp": lambda x: ours.jvp(vector, (x,), (torch.ones_like(x),)),
    "linearize": lambda x: ours.linearize(vector, x)[1](torch.ones_like(x)),
    "jacrev": lambda x: ours.jacrev(vector)(x),
    "hessian": lambda x: ours.hessian(scalar)(x),
    "grad of grad": lambda x: ours.grad(lambda x: ours.grad(scalar)(x).square().sum())(x),
    "vmap of grad": lambda x: ours.vmap(ours.grad(scalar))(torch.stack([x, 2 * x])),
    "grad of vmap": lambda x: ours.grad(lambda x: ours.vmap(torch.exp)(x).prod())(x),
    "jacobian": lambda x: pg.functional.jacobian(vector, x),
    "hvp": lambda x: pg.functional.hvp(scalar, x, torch.ones_like(x)),
}


@pytest.mark.parametrize("name", IN_INFERENCE)
def test_inference_mode_is_not_respected_either(name):
    f, x = IN_INFERENCE[name], X
    expected = f(x)
    with torch.inference_mode():
        agree(f(x), expected)
        made_in_it = x.clone()
        agree(f(made_in_it), expected)
        assert torch.is_inference_mode_enabled()
        assert not torch.is_grad_enabled()
    agree(f(made_in_it), expected)

    def inside(x):
        with torch.inference_mode():
            return (x * x).sum()

    agree(ours.grad(lambda x: scalar(x) + inside(x))(x), ours.grad(scalar)(x))


# --- what is refused -----------------------------------------------------------------

REFUSED = {
    "scalar Tensor, got tensor with 1 dims": lambda: ours.grad(vector)(X),
    "to return a Tensor, got float": lambda: ours.grad(lambda x: 1.0)(X),
    "should be a tuple: \\(output, aux\\)": lambda: ours.grad(scalar, has_aux=True)(X),
    "Got argnum=1, but only 1 positional": lambda: ours.grad(scalar, 1)(X),
    "argnums must be non-empty": lambda: ours.grad(scalar, ())(X),
    "must be unique, got \\(0, -1\\)": lambda: ours.grad(scalar, (0, -1))(X),
    "argnum must be int, got: str": lambda: ours.grad(scalar, ("x",))(X),
    "argnums must be int or Tuple": lambda: ours.grad(scalar, "x")(X),
    "must be floating-point or complex": lambda: ours.vjp(lambda x: x > 0, X),
    "structure of cotangents": lambda: ours.vjp(vector, X)[1]((A, A)),
    "structure of tangents": lambda: ours.jvp(vector, (X,), (X, X)),
    "Expected primals to be a tuple": lambda: ours.jvp(vector, X, X),
    "tangent 0, of shape \\(3,\\)": lambda: ours.jvp(vector, (X,), (X[:3],)),
    "tangent 0, .* torch.float32": lambda: ours.linearize(vector, X)[1](X.float()),
    "independent of the inputs": lambda: ours.jvp(lambda x: A, (X,), (X,), strict=True),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message):
    with pytest.raises(TransformError, match=f"(?s){message}.*fix: "):
        REFUSED[message]()


def test_tangents_are_checked_before_the_function_is_called():
    def f(x):
        raise AssertionError("it was called")

    with pytest.raises(TransformError, match="structure of tangents"):
        ours.jvp(f, (X,), (X, X))
    with pytest.raises(TransformError, match="(?s)primals to contain at least one Tensor.*fix: "):
        ours.jvp(f, (), ())
    with pytest.raises(RuntimeError, match="primals to contain at least one Tensor"):
        theirs.jvp(f, (), ())


def test_what_is_not_a_tensor_is_refused():
    with pytest.raises(TransformTypeError, match="must be tensors or Variables, not float"):
        ours.grad(scalar)(1.0)
    with pytest.raises(TransformTypeError, match="what f returns .*got int"):
        ours.vjp(lambda x: (x, 1), X)


def test_a_tensor_of_torchs_graph_is_refused():
    with pytest.raises(TorchGraphError):
        ours.grad(scalar)(X.clone().requires_grad_())


class OnlyOnce(pg.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @pg.once_differentiable
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * 2 * x


def test_forward_mode_of_a_backward_that_cannot_be_differentiated():
    agree(ours.vjp(OnlyOnce.apply, X)[1](X), (2 * X * X,))
    with pytest.raises(ForwardModeError, match="(?s)OnlyOnce has no jvp.*fix: .*jvp"):
        ours.jvp(OnlyOnce.apply, (X,), (X,))


def test_the_function_keeps_its_name():
    assert ours.grad(scalar).__name__ == "scalar"


def test_nothing_is_left_behind():
    before = torch.is_grad_enabled()
    x = pg.Variable(X, requires_grad=True)
    with pytest.raises(ZeroDivisionError):
        ours.grad(lambda x: 1 / 0)(x)
    assert torch.is_grad_enabled() is before
    ours.grad(scalar)(x)
    assert x.grad is None


def test_models_through_functional_call():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    model = model.double()
    params = {name: p.detach() for name, p in model.named_parameters()}

    def loss(lib):
        return lambda params: lib.functional_call(model, params, (X,)).square().sum()

    agree(ours.grad(loss(ours))(params), theirs.grad(loss(theirs))(params))
    batch = tensor(5, 4, seed=3)

    def per_sample(lib):
        def f(params, x):
            return lib.functional_call(model, params, (x,)).square().sum()

        return lib.vmap(lib.grad(f), (None, 0))(params, batch)

    agree(per_sample(ours), per_sample(theirs))


def test_trees_of_variables():
    tree = {"a": pg.Variable(X), "b": [pg.Variable(A)]}
    found = ours.grad(lambda t: (t["b"][0] @ t["a"]).sum())(tree)
    wanted = {"a": A.sum(0), "b": [X.expand(3, 4)]}
    agree(found, wanted, pg.Variable)
    agree(tree_map(lambda v: v.data, found), wanted)


F = torch.nn.functional
CLASSES = torch.tensor([[1, 2], [0, -100], [2, 2]])
#: Losses and others whose rules look at values where they can; each of an example and its classes.
BY_VALUE = {
    "cross_entropy": lambda x, t: F.cross_entropy(x, t, reduction="sum"),
    "cross_entropy, smooth": lambda x, t: F.cross_entropy(
        x, t, reduction="sum", label_smoothing=0.1, weight=torch.tensor([1.0, 2.0, 0.5]).double()
    ),
    "cross_entropy of a row": lambda x, t: F.cross_entropy(x[0], t[0]),
    "nll_loss": lambda x, t: F.nll_loss(x.log_softmax(1), t, reduction="sum"),
    "prod": lambda x, t: x.prod(),
    "prod along a dimension": lambda x, t: x.prod(1).sum(),
    "cumprod": lambda x, t: x.cumprod(1).sum(),
    "max_unpool1d": lambda x, t: (
        F.max_unpool1d(*F.max_pool1d(x.reshape(1, 6), 2, return_indices=True), 2).square().sum()
    ),
}


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("name", BY_VALUE)
def test_a_gradient_for_each_example_where_a_rule_looks_at_values(name):
    f = BY_VALUE[name]
    x = torch.rand(3, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) - 0.5
    x[1, 0, 2] = 0.0
    each = x.clone().requires_grad_()
    sum(f(row, classes) for row, classes in zip(each, CLASSES, strict=True)).backward()
    got = pg.func.vmap(pg.func.grad(f))(x, CLASSES)
    torch.testing.assert_close(got, each.grad)

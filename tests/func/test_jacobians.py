"""jacrev, jacfwd and hessian against torch.func's."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import TransformError, VmapError
from plugrad.tests.func.functions import A, X, agree, scalar, tensor, vector

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # torch loads decompositions

ours, theirs = pg.func, torch.func


@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
def test_a_jacobian(name):
    expected = theirs.jacrev(vector)(X)
    agree(getattr(ours, name)(vector)(X), expected)
    agree(getattr(ours, name)(vector)(pg.Variable(X)), expected, pg.Variable)


@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1,)])
def test_structures(name, argnums):
    def f(tree, y):
        return {"a": tree["x"] * y.sum(), "b": (y.exp(), (tree["x"] @ tree["z"][0]).sin())}

    tree = {"x": X, "z": [tensor(4, seed=2)]}
    y = tensor(2, 3, seed=3)
    expected = getattr(theirs, name)(f, argnums)(tree, y)
    agree(getattr(ours, name)(f, argnums)(tree, y), expected)


@pytest.mark.parametrize("chunk_size", [None, 1, 2, 3, 100])
def test_chunks(chunk_size):
    agree(ours.jacrev(vector, chunk_size=chunk_size)(X), theirs.jacrev(vector)(X))


@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
def test_aux_and_keywords(name):
    def f(x, *, scale=1.0):
        return vector(x) * scale, x.sum()

    jacobian, aux = getattr(ours, name)(f, has_aux=True)(X, scale=2.0)
    agree((jacobian, aux), (2 * theirs.jacrev(vector)(X), X.sum()))


@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
def test_empty_constant_and_zero_dimensional(name):
    jacobian = getattr(ours, name)
    agree(jacobian(lambda x: x[:0])(X), X.new_zeros(0, 4))
    agree(jacobian(lambda x: x.new_ones(2))(X), X.new_zeros(2, 4))
    agree(jacobian(lambda x: A)(X), X.new_zeros(3, 4, 4))
    agree(jacobian(lambda x: x)(X), torch.eye(4, dtype=X.dtype))
    agree(jacobian(torch.sin)(X[0]), X[0].cos())


def test_dtypes_are_the_inputs_or_the_outputs():
    x = X.float()
    agree(ours.jacrev(lambda x: x.double() * 2)(x), 2 * torch.eye(4))
    agree(ours.jacfwd(lambda x: x.double() * 2)(x), 2 * torch.eye(4).double())


def test_hessians():
    agree(ours.hessian(scalar)(X), theirs.hessian(scalar)(X))
    agree(ours.hessian(vector)(X), theirs.hessian(vector)(X))

    def f(x, y):
        return (x * y.sum()).sin().sum() * y.prod()

    agree(ours.hessian(f, (0, 1))(X, A[0]), theirs.hessian(f, (0, 1))(X, A[0]))


ORDERS = [("jacrev", "jacrev"), ("jacrev", "jacfwd"), ("jacfwd", "jacrev"), ("jacfwd", "jacfwd")]


@pytest.mark.parametrize(("outer", "inner"), ORDERS)
def test_each_composition(outer, inner):
    found = getattr(ours, outer)(getattr(ours, inner)(vector))(X)
    agree(found, theirs.hessian(vector)(X))


def test_third_derivatives():
    expected = theirs.jacrev(theirs.hessian(scalar))(X)
    agree(ours.jacrev(ours.hessian(scalar))(X), expected)
    agree(ours.jacfwd(ours.jacrev(ours.jacfwd(scalar)))(X), expected)


def test_a_jacobian_can_be_differentiated():
    x, w = (pg.Variable(v, requires_grad=True) for v in (X, A))
    u, v = X.clone().requires_grad_(), A.clone().requires_grad_()

    def loss(lib, x, w):
        rows = lib.jacrev(lambda x: ((w @ x).sin(), x.exp() * x))(x)
        columns = lib.jacfwd(lambda x: (w @ x).tanh())(x)
        return sum((j * j.sin()).sum() for j in (*rows, columns))

    mine = pg.grad(loss(ours, x, w), [x, w])
    agree(mine, torch.autograd.grad(loss(theirs, u, v), [u, v]), pg.Variable)


def test_a_random_function_is_called_once():
    calls = []

    def f(x):
        calls.append(1)
        return torch.nn.functional.dropout(x, 0.5)

    for randomness in ("error", "same", "different"):
        jacobian = ours.jacfwd(f, randomness=randomness)(X)
        assert set(jacobian.flatten().tolist()) <= {0.0, 2.0}
    assert len(calls) == 3


class FromNumPy(pg.Function):
    """x^2, with a backward that vmap cannot map."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        if gy.sum().item() == 12345.0:
            return gy
        return 2 * gy * x


def test_a_rule_that_cannot_be_mapped_needs_a_loop():
    with pytest.raises(RuntimeError, match=r"vmap.*\.item\(\)"):
        ours.jacrev(FromNumPy.apply)(X)
    agree(ours.jacrev(FromNumPy.apply, chunk_size=1)(X), torch.diag(2 * X))


def test_what_does_not_fit_is_refused():
    z = torch.complex(X, X)
    with pytest.raises(TransformError, match="jacrev: Expected all inputs to be real"):
        ours.jacrev(torch.sin)(z)
    with pytest.raises(TransformError, match="jacfwd: Expected all outputs to be real"):
        ours.jacfwd(lambda x: torch.complex(x, x))(X)
    for outputs in (lambda x: x.argsort(), lambda x: (x, x > 0)):
        with pytest.raises(RuntimeError, match="All outputs of f must be floating-point"):
            theirs.jacrev(outputs)(X)
        with pytest.raises(TransformError, match="jacrev.*All outputs of f must be floating-point"):
            ours.jacrev(outputs)(X)
    with pytest.raises(TransformError, match="`chunk_size` should be greater than 0"):
        ours.jacrev(vector, chunk_size=0)
    with pytest.raises(TransformError, match="Only allowed values for randomness"):
        ours.jacfwd(vector, randomness="some")
    assert not issubclass(TransformError, VmapError)

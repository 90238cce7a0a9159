"""The same functions in HIPS autograd and in JAX: their derivatives are ours."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

pytestmark = pytest.mark.filterwarnings("ignore")

X = torch.randn(4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
V = torch.randn(4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def functions(np):
    """Functions of the operations that NumPy, JAX and torch call by the same names."""
    return {
        "scalar": lambda x: (np.tanh(x) * np.exp(np.sin(x))).sum() * x[0],
        "logsumexp": lambda x: np.log(np.exp(x).sum()),
        "rational": lambda x: (x / (1 + x * x)).sum() ** 2,
        "nested": lambda x: np.sqrt(1 + (x * x).sum()) * np.cos(x[1:] * x[:-1]).sum(),
    }


NAMES = list(functions(torch))


def agree(mine, expected):
    torch.testing.assert_close(mine, torch.as_tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("name", NAMES)
def test_hips_autograd(name):
    autograd = pytest.importorskip("autograd")
    mine, theirs = functions(torch)[name], functions(autograd.numpy)[name]
    x, v = X.numpy(), V.numpy()
    agree(pg.func.grad(mine)(X), autograd.grad(theirs)(x))
    agree(pg.func.hessian(mine)(X), autograd.hessian(theirs)(x))
    agree(pg.functional.hvp(mine, X, V)[1], autograd.hessian_vector_product(theirs)(x, v))
    third = autograd.jacobian(autograd.hessian(theirs))
    agree(pg.func.jacfwd(pg.func.hessian(mine))(X), third(x))


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_jax(jax, name):
    numpy = pytest.importorskip("numpy")
    mine, theirs = functions(torch)[name], functions(jax.numpy)[name]
    x, v = X.numpy(), V.numpy()

    def same(found, expected):
        agree(found, numpy.array(expected))

    same(pg.func.grad(mine)(X), jax.grad(theirs)(x))
    same(pg.func.jvp(mine, (X,), (V,))[1], jax.jvp(theirs, (x,), (v,))[1])
    same(pg.func.hessian(mine)(X), jax.hessian(theirs)(x))
    same(pg.func.linearize(mine, X)[1](V), jax.linearize(theirs, x)[1](v))
    batch = torch.stack([X, V, X * V])
    same(pg.func.vmap(pg.func.grad(mine))(batch), jax.vmap(jax.grad(theirs))(batch.numpy()))
    per_row = pg.func.jacrev(lambda b: pg.func.vmap(pg.func.grad(mine))(b))(batch)
    same(per_row, jax.jacrev(jax.vmap(jax.grad(theirs)))(batch.numpy()))


def test_perturbations_as_in_jax(jax):
    """JAX's own example of what must not be confused."""
    inner = jax.grad(lambda x: x * jax.grad(lambda y: x * y + y * y)(x))(2.0)
    grad = pg.func.grad
    found = grad(lambda x: x * grad(lambda y: x * y + y * y)(x))(torch.tensor(2.0))
    assert found.item() == float(inner)

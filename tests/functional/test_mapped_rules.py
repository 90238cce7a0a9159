"""Rules that look at values, or at where dimensions are, do under vmap what they do in a loop."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import plugrad as pg
from plugrad.errors import VmapError

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit")  # torch loads decompositions

ROWS, COLUMNS = torch.tensor([1, 0, 1]), torch.tensor([2, 0, 1])
TARGET = torch.tensor([1, -100, 0, 2])


def written(x):
    y = x.clone()
    y[ROWS[1:], :, COLUMNS[1:]] = x[0].sin()[:, :2].mT
    return y.square()


#: A function, and the shape of its sample.
FUNCTIONS = {
    "prod": (lambda x: x.prod(), (4,)),
    "prod of one dimension": (lambda x: x.prod(1), (3, 4)),
    "cumprod": (lambda x: x.cumprod(0), (4,)),
    "cumsum of a number": (lambda x: x.cumsum(0).square(), ()),
    "cross_entropy": (lambda x: F.cross_entropy(x, TARGET), (4, 3)),
    "cross_entropy of one row": (lambda x: F.cross_entropy(x, TARGET[0]), (3,)),
    "label smoothing": (lambda x: F.cross_entropy(x, TARGET, label_smoothing=0.2), (4, 3)),
    "attention": (lambda x: F.scaled_dot_product_attention(x, 2 * x, x.sin()), (2, 3, 4)),
    "causal attention": (
        lambda x: F.scaled_dot_product_attention(x, x, x.sin(), is_causal=True),
        (1, 2, 3, 4),
    ),
    "separated indices": (lambda x: x[ROWS, :, COLUMNS].square(), (2, 3, 4)),
    "separated indices in front": (lambda x: x[:, ROWS, :, COLUMNS].square(), (2, 2, 3, 4)),
    "values at separated indices": (written, (2, 3, 4)),
    "prelu": (lambda x: F.prelu(x, x[0, :1] / 4), (3, 2)),
    "distances": (lambda x: torch.cdist(x, 2 * x[:2]), (3, 2)),
    "largest distances": (lambda x: torch.cdist(x, 2 * x[:2], float("inf")), (3, 2)),
    "a cast of a sample that is not contiguous": (lambda x: x.mT.to(x.dtype).square(), (3, 4)),
}
#: As many samples as there are rows, so that dimensions which are mixed up fit.
COUNT = len(ROWS) - 1
ZERO = {"prod", "prod of one dimension", "cumprod"}


def samples(name):
    _, shape = FUNCTIONS[name]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(COUNT, *shape, generator=generator, dtype=torch.float64)
    if name in ZERO:
        x[0, ..., 1] = 0.0
    return x


def looped(function, x):
    return torch.stack([function(row) for row in x])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_its_gradient_is_that_of_a_loop(name):
    f, x = FUNCTIONS[name][0], samples(name)

    def loss(x):
        return f(x).sin().sum()

    expected = looped(torch.func.grad(loss), x)
    torch.testing.assert_close(pg.func.vmap(pg.func.grad(loss))(x), expected)
    leaf = pg.Variable(x, requires_grad=True)
    (found,) = pg.grad(pg.func.vmap(loss)(leaf).sum(), leaf)
    torch.testing.assert_close(found.data, expected)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_so_is_its_jacobian(name):
    f, x = FUNCTIONS[name][0], samples(name)
    expected = [torch.autograd.functional.jacobian(f, row) for row in x]
    torch.testing.assert_close(pg.func.jacrev(f)(x[0]), expected[0])
    torch.testing.assert_close(pg.func.vmap(pg.func.jacrev(f))(x), torch.stack(expected))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_so_is_its_second_derivative(name):
    f, x = FUNCTIONS[name][0], samples(name)

    def of_gradient(lib):
        def loss(x):
            return f(x).sin().sum()

        return lib.grad(lambda x: lib.grad(loss)(x).square().sum())

    expected = looped(of_gradient(pg.func), x)
    torch.testing.assert_close(pg.func.vmap(of_gradient(pg.func))(x), expected)
    if "attention" not in name and "distances" not in name:  # torch has none of its kernels
        torch.testing.assert_close(expected, looped(of_gradient(torch.func), x))


def test_the_gradient_of_each_sample_of_a_classifier():
    """The standard use: cross_entropy of a model, one sample at a time."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
    parameters = {name: p.detach().double() for name, p in model.named_parameters()}
    x, target = torch.linspace(-1, 1, 12, dtype=torch.float64).view(4, 3), TARGET.clamp(min=0)

    def gradients(lib):
        def loss(parameters, x, target):
            output = lib.functional_call(model, parameters, (x.unsqueeze(0),))
            return F.cross_entropy(output, target.unsqueeze(0))

        return lib.vmap(lib.grad(loss), (None, 0, 0))(parameters, x, target)

    found, expected = gradients(pg.func), gradients(torch.func)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


#: What each sample takes at an index of its own, of a matrix of matrices.
AT_AN_INDEX = {
    "a number": lambda x, i: x[i],
    "a number of a later dimension": lambda x, i: x[:, i],
    "two numbers": lambda x, i: x[i, :, i],
    "a number and a tensor": lambda x, i: x[i, COLUMNS],
    "in front": lambda x, i: x[i[None], COLUMNS],
    "a later dimension": lambda x, i: x[:, i[None], COLUMNS],
    "separated": lambda x, i: x[i[None], :, COLUMNS],
    "beside a mask": lambda x, i: x[:, ROWS.bool(), i[None]],
    "put": lambda x, i: torch.ops.aten.index_put(x, [None, i[None], COLUMNS], 3 * x[0, 0]),
    "added": lambda x, i: torch.ops.aten.index_put(x, [i[None], None, COLUMNS], x[0, 0], True),
}


def torch_maps_numbers():
    """Whether torch.vmap takes a number that it maps for an index; that of torch 2.6 does not."""
    try:
        torch.vmap(lambda i: ROWS[i])(torch.tensor([0]))
    except RuntimeError:
        return False
    return True


no_numbers = pytest.mark.skipif(not torch_maps_numbers(), reason="torch.vmap refuses it")


@pytest.mark.parametrize("in_dims", [(None, 0), (0, 0)], ids=["one for all", "each its own"])
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[no_numbers] * ("number" in n)) for n in AT_AN_INDEX]
)
def test_an_index_of_each_sample(name, in_dims):
    f, indices = AT_AN_INDEX[name], torch.tensor([2, 0, 2])
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 3, 3, 3, generator=generator, dtype=torch.float64)  # so that all fits
    x = x if in_dims[0] == 0 else x[0]
    func = pg.func
    for derivative in (
        func.grad(lambda x, i: f(x, i).sin().sum()),
        func.jacrev(f),
        func.jacfwd(f),
        func.hessian(lambda x, i: f(x, i).sin().sum()),
    ):
        expected = [derivative(x[n] if in_dims[0] == 0 else x, i) for n, i in enumerate(indices)]
        torch.testing.assert_close(
            func.vmap(derivative, in_dims)(x, indices), torch.stack(expected)
        )


@no_numbers
def test_the_gradient_at_an_index_of_each_sample_is_torchs():
    indices, x = torch.tensor([2, 0, 2]), torch.arange(9, dtype=torch.float64).view(3, 3)
    found, expected = pg.Variable(x, requires_grad=True), x.clone().requires_grad_()
    pg.func.vmap(lambda i: found[i] * found[1, i])(indices).square().sum().backward()
    torch.func.vmap(lambda i: expected[i] * expected[1, i])(indices).square().sum().backward()
    torch.testing.assert_close(found.grad.data, expected.grad)
    with pytest.raises(VmapError, match="(?s)getitem cannot be mapped.*dynamic shape"):
        pg.func.vmap(lambda i: found[i > 1])(indices)

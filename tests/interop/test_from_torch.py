"""Ops of torch's functions, whose gradients torch's autograd computes."""

from __future__ import annotations

import pickle

import pytest
import torch

import plugrad as pg
from plugrad import errors
from plugrad.interop import from_torch

logdet = from_torch(
    torch.logdet,
    samples=lambda make: [pg.Sample(make(3, 3, domain="spd"))],
)


class Double(torch.autograd.Function):
    """y = 2x, with a wrong rule, to see whose it is."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 5 * gy


def both(*shape):
    t = torch.randn(*shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    return t.clone().requires_grad_(), pg.Variable(t, requires_grad=True)


def test_derivatives_of_any_order_are_torchs():
    t, x = both(3, 3)
    y, z = torch.linalg.slogdet(t), from_torch(torch.linalg.slogdet).apply(x)
    assert type(z) is type(y)
    torch.testing.assert_close(z.logabsdet.data, y.logabsdet.detach())
    for _ in range(3):
        loss = y[1] if isinstance(y, tuple) else (y**2).sum()
        ours = z[1] if isinstance(z, tuple) else (z**2).sum()
        (y,) = torch.autograd.grad(loss, t, create_graph=True)
        (z,) = pg.grad(ours, x, create_graph=True)
        torch.testing.assert_close(z.data, y.detach())


def test_options_are_passed_by_name():
    t, x = both(2, 3)
    stft = from_torch(torch.nn.functional.pad, "padded")
    y = stft.apply(x, (1, 1), mode="reflect")
    torch.testing.assert_close(
        pg.grad((y**2).sum(), x)[0].data,
        torch.autograd.grad((torch.nn.functional.pad(t, (1, 1), mode="reflect") ** 2).sum(), t)[0],
    )


def test_a_torch_function_brings_its_rule():
    _, x = both(2)
    made = from_torch(Double, "double_of_torch")
    assert pg.grad(made.apply(x).sum(), x)[0].data.tolist() == [5.0, 5.0]


def test_it_is_marked_and_registered_like_any_other():
    made = from_torch(torch.special.erfcx, overrides=(torch.special.erfcx,))
    assert made.declaration.name == "erfcx"
    assert made.declaration.from_torch
    known = pg.registry.find("erfcx")
    if known is None:
        pg.registry.add(made)
        try:
            t, x = both(3)
            (g,) = pg.grad(torch.special.erfcx(x).sum(), x)
            (w,) = torch.autograd.grad(torch.special.erfcx(t).sum(), t)
            torch.testing.assert_close(g.data, w)
        finally:
            pg.registry.remove("erfcx")


def test_no_built_in_op_is_made_of_torchs_gradients():
    assert [e.name for e in pg.registry if e.pack == "plugrad" and e.declaration.from_torch] == []


def test_random_numbers_are_drawn_once():
    _, x = both(20)
    noisy = from_torch(lambda x: x * torch.rand(20, dtype=x.dtype), "noisy")
    torch.manual_seed(1)
    y = noisy.apply(x)
    (g,) = pg.grad(y.sum(), x)
    torch.testing.assert_close(g.data, (y / x).data)


def test_the_laws_run_on_it():
    assert pg.testing.check_op(logdet).passed


def test_it_pickles_where_it_is_assigned():
    assert pickle.loads(pickle.dumps(logdet)) is logdet


def test_on_tensors_it_is_torchs_call():
    t, _ = both(3, 3)
    assert torch.equal(logdet.apply(t @ t.T), torch.logdet(t @ t.T))


def test_what_cannot_be_called_is_refused():
    with pytest.raises(errors.OpDefinitionError, match="cannot be called"):
        from_torch(3)


def test_a_tensor_of_torchs_graph_is_refused():
    t, x = both(3)
    with pytest.raises(errors.TorchGraphError):
        from_torch(torch.mul).apply(x, t)


def test_outputs_that_share_memory_in_torch_are_apart():
    def parts(x):
        y = x.exp()
        return y, y[0], y.view(-1)

    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    y, first, flat = pg.interop.from_torch(parts).apply(x)
    y.mul_(3)
    torch.testing.assert_close(y.data, 3 * x.data.exp())
    torch.testing.assert_close(first.data, x.data[0].exp())
    (first + flat.sum() + y.sum()).backward()
    expected = x.data.exp() * torch.tensor([5.0, 4.0])
    torch.testing.assert_close(x.grad.data, expected)


@pytest.mark.parametrize("function", [lambda x: x, lambda x: x.view(-1), torch.Tensor.contiguous])
def test_a_view_of_an_argument_stays_one(function):
    """It was a copy: a change of it, or of the argument, was silently not one of the other."""
    made = from_torch(function, "a_view")
    x = pg.Variable(torch.arange(4.0).view(2, 2), requires_grad=True)
    a = x * 1
    with pg.no_grad():
        y = made.apply(a)
        y.mul_(2)
        assert a.tolist() == [[0, 2], [4, 6]]
        a.mul_(2)
        assert y.flatten().tolist() == [0, 4, 8, 12]
    with pytest.raises(errors.InplaceError, match="is a view and is being modified"):
        made.apply(x * 1).mul_(2)
    y = made.apply(a)
    a.mul_(2)
    with pytest.raises(errors.InplaceError, match="its base or another view of its base"):
        y.sum()
    (y,) = pg.grad((made.apply(x) ** 2).sum(), x, create_graph=True)
    assert y.tolist() == [[0, 2], [4, 6]]
    assert pg.grad((y**2).sum(), x)[0].tolist() == [[0, 8], [16, 24]]


def test_a_function_that_changes_an_argument_is_refused():
    """What was computed of the argument alone had silently no gradient by the other."""
    x = pg.Variable(torch.ones(2), requires_grad=True)
    y = pg.Variable(torch.ones(2))
    made = from_torch(lambda y, x: y.mul_(x), "scaled")
    with pytest.raises(errors.InplaceError, match="scaled changes an argument in place"):
        made.apply(y, x)
    with pg.no_grad():
        made.apply(y, x * 3)
    assert y.tolist() == [3, 3]


@pytest.mark.filterwarnings("ignore:`torch.jit.script")  # torch's jacfwd
@pytest.mark.parametrize(
    "of", [torch.sin, lambda x: (x.view(-1) ** 3, x.long())[0], lambda x: x @ x]
)
def test_inside_transforms(of):
    """They work in a batch, where no tensor may require grad and none has its memory."""
    made = from_torch(of, "of").apply
    t, x = both(3, 2, 2)
    for transformed in (
        lambda func, f: func.vmap(f),
        lambda func, f: func.vmap(func.grad(lambda y: (f(y) ** 2).sum())),
        lambda func, f: func.jacrev(f),
        lambda func, f: func.jacfwd(f),
        lambda func, f: func.hessian(lambda y: (f(y) ** 2).sum()),
        lambda func, f: func.vmap(func.hessian(lambda y: (f(y) ** 2).sum())),
    ):
        expected = transformed(torch.func, of)(t.detach())
        torch.testing.assert_close(transformed(pg.func, made)(x.detach()).data, expected)


class Holds:
    """What a library keeps a tensor in."""

    def __init__(self, tensor):
        self.tensor = tensor


def test_what_the_function_was_not_passed_is_refused():
    """A leaf or a Variable that it refers to had silently no gradient; so had one in an object."""
    t, x = both(3)
    other = pg.Variable(t.detach(), requires_grad=True)
    for function, arguments, captured in (
        (lambda x: x * t, (x,), "a Tensor of shape"),
        (lambda x: (x * t).exp() + (t * 2).sin(), (x.detach(),), "a Tensor of shape"),
        (lambda x: x * other, (x,), "a Variable"),
        (lambda held, x: held.tensor * x, (Holds(other), x), "a Variable"),
    ):
        made = from_torch(function, "captures")
        with pytest.raises(errors.TorchGraphError, match=f"captures computes with {captured}"):
            made.apply(*arguments)
        with pg.no_grad():
            assert not made.apply(*arguments).requires_grad
    made = from_torch(lambda x: Holds(x.exp()), "holds")
    with pytest.raises(errors.OpDefinitionError, match="holds returned a tensor inside a Holds"):
        made.apply(x)
    with pg.no_grad():
        assert torch.equal(made.apply(x).tensor, x.data.exp())


def test_a_leaf_that_the_function_makes_is_its_own():
    def by_a_leaf(x):
        at = x.detach().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad((at**3).sum(), at, create_graph=True)
        return slope * x + at

    _, x = both(3)
    y = from_torch(by_a_leaf, "by_a_leaf").apply(x)
    torch.testing.assert_close(y.data, 3 * x.data**3 + x.data)
    torch.testing.assert_close(pg.grad(y.sum(), x)[0].data, 3 * x.data**2)


def test_an_output_that_is_returned_twice_is_one():
    """The second was a copy, which a change of the first silently missed."""
    t, x = both(3)
    for leaf, grad, function in (
        (t, torch.autograd.grad, lambda x: (2 * x,) * 2),
        (x, pg.grad, from_torch(lambda x: (2 * x,) * 2, "twice").apply),
    ):
        first, second = function(leaf)
        assert first is second
        first.mul_(3)
        (g,) = grad((first**2).sum() + second.sum(), leaf)
        torch.testing.assert_close(torch.as_tensor(g), 72 * t.detach() + 6)


def test_a_sparse_input():
    x = pg.Variable(torch.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse(), requires_grad=True)
    y = pg.interop.from_torch(lambda s: s.to_dense() * 2, "twice_dense").apply(x)
    y.sum().backward()
    assert x.grad.to_dense().tolist() == [[0, 2], [2, 0]]


def test_a_parameter_that_the_function_was_not_passed_is_refused():
    """Torch would differentiate by it too; before, its gradient was silently missing."""
    layer = torch.nn.Linear(3, 2)
    x = pg.Variable(torch.tensor([[1.0, 2.0, 3.0]]), requires_grad=True)
    made = from_torch(lambda x: layer(x), "layer")
    with pytest.raises(errors.TorchGraphError, match="Parameter of shape"):
        made.apply(x)
    with pg.no_grad():
        torch.testing.assert_close(made.apply(x).data, layer(x.data).detach())
    layer.requires_grad_(False)
    made.apply(x).sum().backward()
    torch.testing.assert_close(x.grad.data[0], layer.weight.sum(0))


def test_a_function_may_differentiate_what_it_was_passed():
    def force(x):
        with torch.enable_grad():
            at = x if x.requires_grad else x.detach().requires_grad_()
            return torch.autograd.grad(at.pow(3).sum(), at, create_graph=True)[0]

    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    (g,) = pg.grad(from_torch(force).apply(x).sum(), x)
    assert g.data.tolist() == [6.0, 12.0]


def same(function, *tensors):
    """Torch's outputs and gradients of a function, and those of the op made of it."""

    def outputs_and_gradients(leaf, call):
        leaves = [
            leaf(t.clone()) if t.is_floating_point() or t.is_complex() else t for t in tensors
        ]
        outputs = call(*leaves)
        loss = sum(abs(y * (i + 1)).sin().sum() for i, y in enumerate(outputs) if y.requires_grad)
        loss.backward()
        flags = [bool(y.requires_grad) for y in outputs]
        grads = [
            torch.as_tensor(x.grad) for x in leaves if not isinstance(x, int) and x.requires_grad
        ]
        return [torch.as_tensor(y.detach()) for y in outputs], flags, grads

    expected = outputs_and_gradients(lambda t: t.requires_grad_(), function)
    made = from_torch(function, "made").apply
    found = outputs_and_gradients(lambda t: pg.Variable(t, requires_grad=True), made)
    torch.testing.assert_close(found[0], expected[0])
    assert len(found[2]) == len(expected[2])
    torch.testing.assert_close(found[2], expected[2])


CALLS = {
    "complex": (lambda z: (z.conj() * z * z,), torch.tensor([1 + 2j, -1j])),
    "complex and real": (lambda z, x: (z * x,), torch.tensor([1 + 2j, -1j]), torch.ones(2)),
    "constant output": (lambda x: (x * x, torch.ones(2) * 3), torch.tensor([1.0, 2.0])),
    "integers beside": (
        lambda x, i: (x[i] * x, i * 1),
        torch.tensor([1.0, 2.0]),
        torch.tensor([1, 0]),
    ),
    "integers out": (lambda x: torch.max(x, 0), torch.tensor([1.0, 2.0])),
}


@pytest.mark.parametrize("name", CALLS)
def test_outputs_and_gradients_are_torchs(name):
    same(*CALLS[name])


def test_an_input_that_the_function_does_not_use_has_a_gradient_of_zeros():
    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    y = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    (g, h) = pg.grad(from_torch(lambda x, _: x * 2, "first").apply(x, y).sum(), [x, y])
    assert (g.tolist(), h.tolist()) == ([2.0, 2.0], [0.0, 0.0])


def test_plain_tensors_are_constants_and_where_nothing_is_recorded_any_are():
    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    made = from_torch(torch.mul)
    made.apply(x, torch.tensor([3.0, 4.0])).sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]
    with pg.no_grad():
        y = made.apply(x, torch.tensor([3.0, 4.0], requires_grad=True))
    assert y.tolist() == [3.0, 8.0]

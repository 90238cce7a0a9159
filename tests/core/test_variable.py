"""Variable: what it is, what it tells, and how it compares with a tensor."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import plugrad as pg
from plugrad import errors


@pytest.fixture
def x():
    return pg.Variable(torch.arange(6.0).reshape(2, 3), requires_grad=True)


def test_it_shares_storage():
    tensor = torch.ones(3)
    assert pg.Variable(tensor).data is tensor
    array = np.ones(3)
    pg.Variable(array).data[0] = 5
    assert array[0] == 5


def test_it_can_be_made_of_numbers_and_of_a_variable(x):
    assert pg.Variable([1.0, 2.0]).tolist() == [1.0, 2.0]
    assert pg.Variable(x).data is x.data


@pytest.mark.parametrize("data", [object(), "text", None])
def test_it_cannot_be_made_of_anything(data):
    with pytest.raises(errors.DataTypeError, match="fix: pass a torch tensor"):
        pg.Variable(data)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.uint8])
def test_integers_cannot_require_grad(dtype):
    with pytest.raises(
        errors.NotDifferentiableError,
        match="floating point or complex dtype can require gradients[\\s\\S]*fix:",
    ):
        pg.Variable(torch.ones(2, dtype=dtype), requires_grad=True)


def test_leaf_and_non_leaf(x):
    y = x.sin()
    assert x.is_leaf
    assert x.grad_fn is None
    assert not y.is_leaf
    assert y.requires_grad
    assert repr(y.grad_fn) == "<Sin>"
    assert y.grad_fn.name() == "Sin"
    assert y.grad_fn.next_functions[0][0].variable is x
    assert x.unbind(0)[1].output_nr == 1


def test_requires_grad_can_be_set(x):
    v = pg.Variable(torch.ones(2))
    v.requires_grad = True
    assert v.sin().requires_grad
    assert v.requires_grad_(False) is v
    assert not v.sin().requires_grad
    with pytest.raises(
        errors.LeafError, match="can only change requires_grad flags of leaf variables"
    ):
        x.sin().requires_grad = False


def test_detach_shares_data_and_forgets_the_graph(x):
    y = x.sin()
    d = y.detach()
    assert d.data.data_ptr() == y.data.data_ptr()
    d.data.add_(1)
    assert y._version == d._version == 1
    assert d.is_leaf
    assert not d.requires_grad


def test_grad_is_a_variable_and_can_be_forgotten(x):
    assert x.grad is None
    x.sum().backward()
    assert isinstance(x.grad, pg.Variable)
    x.zero_grad()
    assert x.grad is None


def test_grad_can_be_set_but_only_to_what_fits(x):
    x.grad = torch.ones(2, 3)
    x.sum().backward()
    assert x.grad.tolist() == [[2.0] * 3] * 2
    with pytest.raises(errors.GradientShapeError):
        x.grad = torch.ones(3)
    with pytest.raises(errors.GradientDtypeError, match="with dtype torch.float64 to a tensor"):
        x.grad = torch.ones(2, 3).double()
    with pytest.raises(errors.GradientTypeError):
        x.grad = 3.0


def test_retain_grad_needs_a_graph(x):
    x.retain_grad()
    assert not x.retains_grad
    with pytest.raises(
        errors.LeafError, match="can't retain_grad on Tensor that has requires_grad=False"
    ):
        pg.Variable(torch.ones(1)).retain_grad()


def test_backward_refuses_roots_it_cannot_start_from(x):
    with pytest.raises(errors.NoGraphError, match="does not require grad[\\s\\S]*fix:"):
        pg.Variable(torch.ones(())).backward()
    with pytest.raises(errors.NonScalarRootError, match="6 elements[\\s\\S]*fix:"):
        x.sin().backward()
    with pytest.raises(errors.NonScalarRootError, match="complex"):
        pg.Variable(torch.ones((), dtype=torch.complex64), requires_grad=True).backward()
    with pytest.raises(
        errors.GradientShapeError,
        match="Mismatch in shape: grad_output\\[0\\].*\\[3\\].*\\[2, 3\\]",
    ):
        x.sin().backward(torch.ones(3))
    with pytest.raises(errors.GradientDtypeError, match="the same dtype. .*complex64.*float32"):
        x.sin().backward(torch.ones(2, 3, dtype=torch.complex64))
    with pytest.raises(errors.GradientDeviceError, match="is on meta"):
        x.sin().backward(torch.ones(2, 3, device="meta"))
    with pytest.raises(
        errors.GradientTypeError,
        match="gradients can be either tensors or None, but grad_output.0. is a list",
    ):
        pg.grad(x.sin(), x, [[1.0]])
    with pytest.raises(errors.BackwardError, match="1 output was given 2 gradients"):
        pg.backward([x.sin()], [None, None])
    with pytest.raises(errors.GradientTypeError, match="entry 0 is a Tensor"):
        pg.grad(torch.ones(1), x)
    with pytest.raises(errors.NoGraphError, match="input 0"):
        pg.grad(x.sum(), pg.Variable(torch.ones(1)))


def test_parameter_is_a_leaf_that_requires_grad():
    p = pg.Parameter(torch.ones(2))
    assert isinstance(p, pg.Variable)
    assert p.requires_grad
    assert p.is_leaf
    (p * p).sum().backward()
    assert p.grad.tolist() == [2, 2]
    assert type(p * 2) is pg.Variable
    assert repr(p).startswith("Parameter containing:\nVariable([1., 1.], requires_grad=True)")


FACTS = [
    lambda v: v.shape,
    lambda v: v.size(),
    lambda v: v.size(1),
    lambda v: v.dim(),
    lambda v: v.ndimension(),
    lambda v: v.ndim,
    lambda v: v.numel(),
    lambda v: v.nelement(),
    lambda v: v.dtype,
    lambda v: v.device,
    lambda v: v.layout,
    lambda v: v.tolist(),
    lambda v: v.is_contiguous(),
    lambda v: v.stride(),
    lambda v: v.stride(0),
    lambda v: v.storage_offset(),
    lambda v: v.element_size(),
    lambda v: v.itemsize,
    lambda v: v.nbytes,
    lambda v: v.data_ptr(),
    lambda v: v.is_floating_point(),
    lambda v: v.is_complex(),
    lambda v: v.is_conj(),
    lambda v: v.is_neg(),
    lambda v: v.get_device(),
    lambda v: v.is_cuda,
    lambda v: v.is_sparse,
    lambda v: len(v),
    lambda v: 3.0 in v,
    lambda v: 30.0 in v,
    lambda v: v[0, 1].item(),
    lambda v: float(v[1, 1].detach()),
    lambda v: int(v[1, 1]),
    lambda v: complex(v[1, 1].detach()),
    lambda v: bool(v[0, 0]),
    lambda v: [row.tolist() for row in v],
    lambda v: f"{v[1, 1]:.3f}",
    lambda v: np.asarray(v.detach()).tolist(),
    lambda v: v.detach().numpy().tolist(),
    lambda v: v.numpy(force=True).tolist(),
]


@pytest.mark.parametrize("fact", FACTS)
def test_it_tells_what_a_tensor_tells(x, fact):
    assert fact(x) == fact(x.data)


def test_an_integer_variable_is_an_index():
    index = pg.Variable(torch.tensor(2))
    assert [10, 20, 30][index] == 30
    assert list(range(5))[index:] == [2, 3, 4]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda v: bool(v), RuntimeError),
        (lambda v: v.item(), RuntimeError),
        (lambda v: len(v.sum()), TypeError),
        (lambda v: iter(v.sum()), TypeError),
        (lambda v: [][v], TypeError),
    ],
)
def test_it_refuses_what_a_tensor_refuses(x, call, error):
    for value in (x, x.data):
        with pytest.raises(error):
            call(value)


def test_numpy_of_what_requires_grad_is_refused(x):
    with pytest.raises(errors.ConversionError, match="requires grad[\\s\\S]*fix:"):
        x.numpy()


def test_numpys_numbers_are_constants_and_its_arrays_are_refused(x):
    for doubled in (np.float64(2) * x, x * np.float32(2), np.int64(2) * x):
        assert doubled.requires_grad
        assert torch.equal(doubled.data, x.data * 2)
        (gradient,) = pg.grad(doubled.sum(), x, create_graph=True)
        assert torch.equal(gradient.data, torch.full((2, 3), 2.0))
    for product in (lambda: np.ones(3) * x, lambda: x * np.ones(3), lambda: np.ones((2, 2)) @ x):
        with pytest.raises(errors.ArgumentError, match=r"fix: make .* torch.as_tensor\(array\)"):
            product()


def test_comparisons(x):
    for ours, theirs in [
        (x == 3, x.data == 3),
        (x != 3, x.data != 3),
        (x < x.data.flip(0), x.data < x.data.flip(0)),
        (x <= 3, x.data <= 3),
        (x > 3, x.data > 3),
        (3 >= x, x.data <= 3),
    ]:
        assert ours.dtype == torch.bool
        assert torch.equal(ours.data, theirs)


def test_it_can_be_a_key(x):
    assert {x: 1}[x] == 1
    assert len({x, x.detach()}) == 2


def test_repr_is_like_torchs(x):
    assert repr(x) == "Variable([[0., 1., 2.],\n          [3., 4., 5.]], requires_grad=True)"
    assert repr(x.detach()) == "Variable([[0., 1., 2.],\n          [3., 4., 5.]])"
    assert repr(x.sum()) == "Variable(15., grad_fn=<Sum>)"
    assert repr(x.sum().double()) == "Variable(15., dtype=torch.float64, grad_fn=<ToCopy>)"


def test_copy_and_pickle_of_a_leaf(x):
    x.sum().backward()
    copied, loaded = copy.deepcopy(x), pickle.loads(pickle.dumps(x))
    for twin in (copied, loaded):
        assert torch.equal(twin.data, x.data)
        assert twin.requires_grad
        assert twin.data.data_ptr() != x.data.data_ptr()
    assert torch.equal(copied.grad.data, x.grad.data)
    assert loaded.grad is None  # nor has a tensor's: the next backward would add to it
    assert copy.copy(x).grad is None
    p = pickle.loads(pickle.dumps(pg.Parameter(torch.ones(1))))
    assert type(p) is pg.Parameter
    with pytest.raises(errors.LeafError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(x.sin())


def test_a_copied_model_starts_without_gradients():
    """As torch's: an averaged or a target network is such a copy, made while training."""
    for model in (torch.nn.Linear(2, 1), pg.interop.convert(torch.nn.Linear(2, 1))):
        model(torch.ones(1, 2)).sum().backward()
        twin = copy.deepcopy(model)
        assert twin.weight.grad is None
        twin(torch.ones(1, 2)).sum().backward()
        assert twin.weight.grad.tolist() == [[1, 1]]
        assert model.weight.grad.tolist() == [[1, 1]]


def test_a_parameter_keeps_attributes_of_the_users(x):
    p = pg.Parameter(torch.ones(1))
    p.initialized = True
    p.data = torch.zeros(1)
    assert p.initialized
    for twin in (copy.deepcopy(p), copy.copy(p), pickle.loads(pickle.dumps(p))):
        assert type(twin) is pg.Parameter
        assert twin.initialized
        twin.initialized = False
    assert p.initialized
    with pytest.raises(AttributeError, match="initialized"):
        x.initialized = True

    class Named(pg.Variable):
        pass

    named = Named(torch.ones(1), requires_grad=True)
    named.title = "a"
    (named * 2).sum().backward()
    assert (named.title, named.grad.tolist()) == ("a", [2])


def test_an_unknown_attribute_suggests_and_explains(x):
    with pytest.raises(errors.UnknownOpError, match="no 'sinn'[\\s\\S]*did you mean sin"):
        x.sinn()
    with pytest.raises(errors.MissingPrimitiveError, match="no op stands for torch.Tensor.igamma"):
        x.igamma(x)  # a tensor has it, so torch's own implementation is tried
    assert not hasattr(x, "__nothing__")
    assert not hasattr(x, "_private")


# --- torch's own functions on Variables


def test_torch_functions_take_variables_in_any_position(x):
    t = torch.ones(2, 3)
    condition = x.data > 2
    for ours, theirs in [
        (torch.sin(x), torch.sin(x.data)),
        (torch.mul(t, x), t * x.data),
        (torch.where(condition, t, x), torch.where(condition, t, x.data)),
        (torch.where(x > 2, x, t), torch.where(condition, x.data, t)),
        (torch.cat([t, x]), torch.cat([t, x.data])),
        (torch.add(t, other=x), t + x.data),
        (torch.nn.functional.relu(x), x.data.relu()),
        (torch.sum(input=x, dim=0), x.data.sum(0)),
        (t * x, t * x.data),
        (t - x, t - x.data),
        (t / x, t / x.data),
        (t + x, t + x.data),
        (t @ x.mT, t @ x.data.mT),
        (2 - x, 2 - x.data),
        (2 / x, 2 / x.data),
        (2**x, 2**x.data),
        (x**2, x.data**2),
        (t == x, t == x.data),
    ]:
        assert isinstance(ours, pg.Variable)
        assert torch.equal(ours.data, theirs)
        assert ours.requires_grad == ours.dtype.is_floating_point


def test_a_torch_function_without_op_is_named(x):
    with pytest.raises(errors.UnknownTorchFunctionError, match="torch.igamma[\\s\\S]*overrides="):
        torch.igamma(x, x)


def test_in_place_on_a_tensor_a_variable_that_requires_grad_is_refused(x):
    t = torch.ones(2, 3)
    with pytest.raises(errors.InplaceError, match="fix: make the tensor a Variable"):
        t += x
    with pytest.raises(errors.InplaceError, match="__setitem__"):
        t[0] = x[0]
    assert t.tolist() == [[1, 1, 1], [1, 1, 1]]
    t += x.detach()
    with pg.no_grad():
        t[0] = x[0]
    assert t.tolist() == [[0, 1, 2], [4, 5, 6]]


@pytest.mark.parametrize("base", [pg.Function, torch.autograd.Function])
@pytest.mark.parametrize("asks", [False, True])
def test_a_function_finds_the_attributes_of_a_parameter(base, asks):
    class Scaled(base):
        @staticmethod
        def forward(ctx, x, weight):
            if not asks or weight.requires_grad:
                ctx.save_for_backward(x, weight)
            return x * weight * weight.scale

        @staticmethod
        def backward(ctx, g):
            x, weight = ctx.saved_tensors
            weight.main_grad = weight.main_grad + g * x * weight.scale
            return g * weight * weight.scale, None

    class Named(pg.Variable):
        pass

    for kind in (pg.Parameter, Named):
        x, weight = pg.Variable(torch.ones(2), requires_grad=True), kind(torch.ones(2), True)
        weight.scale, weight.main_grad = 1.0, torch.zeros(2)
        weight.data = torch.full((2,), 3.0)
        y = Scaled.apply(x, weight)
        weight.scale = 5.0  # backward sees what is there then, as in torch
        y.sum().backward()
        assert y.tolist() == [3, 3]
        assert x.grad.tolist() == [15, 15]
        assert weight.main_grad.tolist() == [5, 5]
        assert weight.grad is None
        (g,) = pg.grad(Scaled.apply(x, weight).sum(), x, create_graph=True)
        assert weight.main_grad.tolist() == [10, 10]
        assert pg.grad(g.sum(), weight)[0].tolist() == [5, 5]


def test_two_parameters_of_one_tensor_have_attributes_of_their_own():
    tensor = torch.ones(2)
    p, q = pg.Parameter(tensor), pg.Parameter(tensor)
    p.scale = 2.0
    assert not hasattr(q, "scale")
    assert not hasattr(q.data, "scale")
    assert not hasattr(tensor, "scale")
    p.data[0] = 5
    assert tensor.tolist() == q.tolist() == [5, 1]
    assert (p * p)._version == 0
    y = q * q
    p.data.mul_(2)
    with pytest.raises(errors.SavedTensorChangedError):
        y.sum().backward()


@pytest.mark.parametrize("value", [True, False])
def test_only_a_leafs_flag_is_set(value):
    """torch's requires_grad_(True) is allowed for other tensors, too."""
    for make in (torch.Tensor.requires_grad_, lambda t: pg.Variable(t, requires_grad=True)):
        leaf = make(torch.ones(2))
        y = leaf * 2
        with pytest.raises((RuntimeError, pg.errors.LeafError), match="only change requires_grad"):
            y.requires_grad = value
        assert y.requires_grad_() is y
        leaf.requires_grad = value
        assert leaf.requires_grad is value

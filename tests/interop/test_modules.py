"""convert, revert, on_variables and functional_call, compared with the module on torch."""

from __future__ import annotations

import copy
from typing import NamedTuple

import pytest
import torch
from torch import nn

import plugrad as pg
from plugrad.errors import ConvertedParameterError, ModuleError

convert, revert, on_variables = pg.interop.convert, pg.interop.revert, pg.interop.on_variables


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


@pytest.fixture
def x():
    return torch.rand(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


class Tied(nn.Module):
    """Weights in several places, and references beside _parameters."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3, bias=False)
        self.b = nn.Linear(3, 3, bias=False)
        self.b.weight = self.a.weight
        self.kept = [self.a.weight, {"w": (self.a.weight, 1)}]
        object.__setattr__(self, "alias", self.a.weight)

    def forward(self, x):
        extra = self.kept[0].sum() + self.kept[1]["w"][0].prod() + self.alias.sin().sum()
        return self.b(self.a(x)) + extra


def gradients(model, x):
    model(x).pow(2).sum().backward()
    return {n: p.grad for n, p in model.named_parameters()}


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        got = ours[name]
        torch.testing.assert_close(got.data if isinstance(got, pg.Variable) else got, gradient)


# --- convert and revert --------------------------------------------------------------


def test_a_converted_model_has_torchs_gradients(model, x):
    expected = gradients(copy.deepcopy(model), x)
    assert convert(model) is model
    assert all(type(p) is pg.Parameter for p in model.parameters())
    assert_same(gradients(model, x), expected)


def test_the_memory_is_shared_both_ways(model):
    weight = model[0].weight
    pointer = weight.data_ptr()
    convert(model)
    assert model[0].weight.data_ptr() == pointer
    with torch.no_grad():
        model[0].weight.fill_(3)
    revert(model)
    assert model[0].weight is weight
    assert type(weight) is nn.Parameter
    assert weight.data_ptr() == pointer
    assert torch.equal(weight, torch.full_like(weight, 3))


def test_gradients_flags_and_attributes_go_with_them(model, x):
    gradients(model, x)
    expected = model[0].weight.grad.clone()
    model[0].weight.no_decay = True
    model[2].bias.requires_grad_(False)
    convert(model)
    assert torch.equal(model[0].weight.grad.data, expected)
    assert model[0].weight.no_decay
    assert not model[2].bias.requires_grad
    model[0].weight.lr = 0.5
    model[2].bias.requires_grad_(True)
    model[2].weight.requires_grad_(False)
    model(x).pow(2).sum().backward()
    revert(model)
    assert torch.allclose(model[0].weight.grad, 2 * expected)
    assert model[0].weight.lr == 0.5
    assert model[2].bias.requires_grad
    assert not model[2].weight.requires_grad


def test_tied_weights_stay_tied_and_other_references_follow(x):
    model = Tied().double()
    expected = gradients(copy.deepcopy(model), x)
    convert(model)
    weight = model.a.weight
    assert type(weight) is pg.Parameter
    places = [model.b.weight, model.kept[0], model.kept[1]["w"][0], model.alias]
    assert all(place is weight for place in places)
    assert len(list(model.parameters())) == 1
    assert_same(gradients(model, x), expected)
    revert(model)
    places = [model.b.weight, model.kept[0], model.kept[1]["w"][0], model.alias]
    assert all(place is model.a.weight for place in places)


def test_buffers_stay_tensors():
    model = convert(nn.BatchNorm1d(3))
    assert all(type(b) is torch.Tensor for b in model.buffers())


def test_converting_twice_and_reverting_twice_changes_nothing(model):
    before = list(model.parameters())
    convert(convert(model))
    ours = list(model.parameters())
    convert(model)
    assert all(a is b for a, b in zip(ours, model.parameters(), strict=True))
    revert(revert(model))
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))


def test_a_copy_of_a_converted_model_is_one_of_its_own(model, x):
    convert(model)
    twin = copy.deepcopy(model)
    assert all(type(p) is pg.Parameter for p in twin.parameters())
    gradients(twin, x)
    assert model[0].weight.grad is None
    revert(twin)
    assert all(type(p) is nn.Parameter for p in twin.parameters())
    assert all(type(p) is pg.Parameter for p in model.parameters())


def test_a_change_of_dtype_meanwhile_comes_back(model):
    weight = model[0].weight
    convert(model).float()
    revert(model)
    assert model[0].weight is weight
    assert weight.dtype is torch.float32


def test_a_variable_that_was_assigned_is_reverted_too(model):
    convert(model)
    model[0].weight = pg.Parameter(torch.zeros(4, 3, dtype=torch.float64))
    revert(model)
    assert type(model[0].weight) is nn.Parameter
    assert not model[0].weight.any()


def test_an_optimizer_made_before_says_that_it_would_do_nothing(model, x):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    convert(model)
    model(x).sum().backward()
    with pytest.raises(ConvertedParameterError, match=r"no gradient[^$]*\(4, 3\)[^$]*fix: "):
        optimizer.step()
    revert(model)
    before = model[0].weight.detach().clone()
    optimizer.step()
    assert not torch.equal(before, model[0].weight)


def test_a_reference_that_nobody_found_is_an_error_and_no_constant(x):
    class Closure(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(3, dtype=torch.float64))
            w = self.w
            self.function = lambda x: x * w

        def forward(self, x):
            return self.function(x)

    model = convert(Closure())
    with pytest.raises(ConvertedParameterError, match="fix: "):
        model(x)
    assert "ConvertedParameter" not in repr(model)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning")
def test_module_hooks_and_modes_survive(model, x):
    seen = []
    model[0].register_forward_hook(lambda m, args, y: seen.append("forward"))
    model[0].register_full_backward_hook(lambda m, gx, gy: seen.append(gy[0].shape))
    model.eval()
    with on_variables(model):
        gradients(model, x)
        assert not model.training
    assert seen == ["forward", torch.Size([5, 4])]


def test_a_parametrized_module(x):
    model = nn.Linear(3, 3).double()
    nn.utils.parametrizations.spectral_norm(model)
    model(x)
    model.eval()  # no power iteration, which would change what is compared
    expected = gradients(copy.deepcopy(model), x)
    convert(model)
    assert_same(gradients(model, x), expected)


def test_a_module_whose_code_was_compiled_before(model, x):
    expected = gradients(copy.deepcopy(model), x)
    compiled = torch.compile(model, backend="eager")
    convert(compiled)
    assert_same(gradients(model, x), expected)


# --- on_variables --------------------------------------------------------------------


def test_after_the_block_the_parameters_carry_the_gradients(model, x):
    expected = gradients(copy.deepcopy(model), x)
    before = list(model.parameters())
    with on_variables(model) as params:
        assert list(params) == [n for n, _ in model.named_parameters()]
        assert all(type(p) is pg.Parameter for p in params.values())
        model(x).pow(2).sum().backward()
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))
    assert_same({n: p.grad for n, p in model.named_parameters()}, expected)
    assert all(type(p.grad) is torch.Tensor for p in model.parameters())


def test_an_exception_leaves_the_model_as_it_was(model):
    before = list(model.parameters())
    with pytest.raises(ZeroDivisionError), on_variables(model):
        1 / 0  # noqa: B018
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))
    assert all(type(p) is nn.Parameter for p in model.parameters())


def test_blocks_nest(model, x):
    expected = gradients(copy.deepcopy(model), x)
    with on_variables(model) as outer:
        with on_variables(model) as inner:
            assert list(inner.values()) == list(outer.values()) or inner.keys() == outer.keys()
            assert inner["0.weight"] is outer["0.weight"]
        with on_variables(model[0]):
            pass
        assert type(model[0].weight) is pg.Parameter
        model(x).pow(2).sum().backward()
    assert_same({n: p.grad for n, p in model.named_parameters()}, expected)


def test_a_block_of_a_converted_model_leaves_it_converted(model):
    convert(model)
    weight = model[0].weight
    with on_variables(model):
        pass
    assert model[0].weight is weight


def test_what_is_replaced_in_the_block_goes_back_too(model):
    with on_variables(model):
        model[0].weight = pg.Parameter(torch.zeros(4, 3, dtype=torch.float64))
    assert type(model[0].weight) is nn.Parameter
    assert not model[0].weight.any()


# --- functional_call -----------------------------------------------------------------


def leaves(model, make):
    return {n: make(p.detach().clone()) for n, p in model.named_parameters()}


def third(grad, call, params, x):
    """The gradient of the gradient of the gradient, of a scalar of each."""
    value = call(params, x).pow(2).sum()
    for _ in range(3):
        gs = grad(value, list(params.values()), create_graph=True, allow_unused=True)
        gs = [g for g in gs if g is not None]
        value = sum((g * g).sum() for g in gs)
    return gs


def test_functional_call_of_what_are_no_dicts_is_refused(model, x):
    bias = {"0.bias": torch.zeros(1)}
    for params, match in (
        (3, "got int"),
        ([bias, 3], "got list"),
        ([bias, bias], "0.bias appeared"),
    ):
        with pytest.raises(ValueError, match="dict"):
            torch.func.functional_call(model, params, (x,))
        with pytest.raises(pg.errors.ModuleError, match=f"(?s){match}.*fix: "):
            pg.interop.functional_call(model, params, (x,))


def test_functional_call_for_gradients_of_any_order(model, x):
    def theirs(params, x):
        return torch.func.functional_call(model, params, (x,))

    def ours(params, x):
        return pg.interop.functional_call(model, params, (x,))

    expected = third(torch.autograd.grad, theirs, leaves(model, nn.Parameter), x)
    got = third(pg.grad, ours, leaves(model, pg.Parameter), x)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.data, b.detach())
    assert all(type(p) is nn.Parameter for p in model.parameters())


def test_torchs_functional_call_gives_the_same(model, x):
    params = leaves(model, pg.Parameter)
    ours = pg.interop.functional_call(model, params, (x,))
    theirs = torch.func.functional_call(model, params, (x,))
    assert theirs.requires_grad
    assert torch.equal(ours.data, theirs.data)


def test_functional_call_takes_keyword_arguments_and_several_dictionaries(model, x):
    params = leaves(model, pg.Parameter)
    first = {n: params.pop(n) for n in ("0.weight", "0.bias")}
    y = pg.interop.functional_call(model, (first, params), kwargs={"input": x})
    assert torch.equal(y.data, model(x))


def test_functional_call_of_a_tied_model(x):
    model = Tied().double()
    model.kept = [torch.ones(3, 3), {"w": (torch.ones(3, 3), 1)}]
    model.__dict__["alias"] = torch.ones(3, 3)
    w = pg.Parameter(model.a.weight.detach().clone())
    y = pg.interop.functional_call(model, {"a.weight": w}, x)
    assert torch.equal(y.data, model(x))


def test_functional_call_says_what_it_was_not_given(model, x):
    params = leaves(model, pg.Parameter)
    del params["2.bias"]
    with pytest.raises(ModuleError, match=r"not given 2\.bias[^$]*fix: give Variables"):
        pg.interop.functional_call(model, params, (x,))
    with pg.no_grad():
        assert torch.equal(pg.interop.functional_call(model, params, (x,)).data, model(x))
    model[2].bias.requires_grad_(False)
    assert pg.interop.functional_call(model, params, (x,)).requires_grad
    convert(model)
    model[2].bias.requires_grad_(True)
    pg.interop.functional_call(model, params, (x,)).sum().backward()
    assert model[2].bias.grad is not None


# --- refusals ------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_script_module_is_refused():
    scripted = torch.jit.script(nn.Linear(2, 2))
    with pytest.raises(ModuleError, match=r"ScriptModule[^$]*fix: convert the module that it was"):
        convert(nn.Sequential(scripted))


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("requires_grad", [True, False])
def test_a_script_module_that_is_given_a_variable_says_so(requires_grad):
    scripted = torch.jit.script(nn.Linear(2, 2))
    x = pg.Variable(torch.ones(1, 2), requires_grad)
    with pytest.raises(pg.errors.UnknownTorchFunctionError, match=r"TorchScript[^$]*fix: call the"):
        scripted(x)
    with pg.no_grad():
        assert torch.equal(scripted(x).data, scripted(x.data))


def test_data_parallel_on_several_devices_is_refused(x):
    model = nn.DataParallel(nn.Linear(3, 2).double())
    assert convert(model)(x).requires_grad
    model.device_ids = [0, 1]
    with pytest.raises(ModuleError, match=r"DataParallel[^$]*fix: convert and call model\.module"):
        convert(model)


def test_a_distributed_module_is_refused():
    class DistributedDataParallel(nn.Module):
        pass

    with pytest.raises(ModuleError, match=r"collects gradients[^$]*fix: convert model\.module"):
        convert(DistributedDataParallel())


@pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
def test_a_parameter_without_a_shape_is_refused():
    with pytest.raises(ModuleError, match=r"no shape yet[^$]*weight[^$]*fix: call the model once"):
        convert(nn.Sequential(nn.LazyLinear(2)))


@pytest.mark.parametrize("how", ["register_hook", "register_post_accumulate_grad_hook"])
def test_a_parameter_with_hooks_is_refused_and_nothing_is_changed(model, how):
    handle = getattr(model[2].weight, how)(lambda g: None)
    with pytest.raises(ModuleError, match=r"has hooks[^$]*2\.weight[^$]*fix: remove them"):
        convert(model)
    assert all(type(p) is nn.Parameter for p in model.parameters())
    handle.remove()
    convert(model)


def test_a_gradient_with_a_graph_is_refused(model, x):
    for p in model.parameters():
        p.grad = (p * 2).clone()
    with pytest.raises(ModuleError, match=r"graph of torch's[^$]*fix: call model\.zero_grad"):
        convert(model)
    model.zero_grad()
    convert(model)


@pytest.mark.parametrize("call", [convert, revert])
def test_what_is_no_module_is_refused(call):
    with pytest.raises(ModuleError, match=r"Module was expected, not Tensor[^$]*fix: "):
        call(torch.ones(2))


def test_a_parameter_on_meta_and_one_of_integers():
    model = convert(nn.Linear(3, 2, device="meta"))
    y = model(torch.ones(4, 3, device="meta"))
    y.sum().backward()
    assert model.weight.grad.device.type == "meta"
    holder = nn.Module()
    holder.n = nn.Parameter(torch.arange(3), requires_grad=False)
    convert(holder)
    assert type(holder.n) is pg.Parameter
    assert not holder.n.requires_grad
    revert(holder)
    assert torch.equal(holder.n, torch.arange(3))


def test_a_meta_model_that_gets_memory(x):
    with on_variables(nn.Linear(3, 2, device="meta", dtype=torch.float64)) as _:
        pass
    model = convert(nn.Linear(3, 2, device="meta", dtype=torch.float64))
    model.to_empty(device="cpu")
    model.reset_parameters()
    assert len(gradients(model, x)) == 2
    revert(model)
    assert all(type(p) is nn.Parameter and p.grad is not None for p in model.parameters())


class Marked(nn.Parameter):
    """Like those of packages that keep a manifold, or packed numbers, with a parameter."""


def test_a_subclass_of_parameter_is_refused_but_in_a_block():
    model = nn.Linear(2, 1, bias=False)
    model.weight = Marked(torch.ones(1, 2))
    with pytest.raises(ModuleError, match="weight is a .*Marked, a subclass of[^$]*fix: .*on_var"):
        convert(model)
    assert type(model.weight) is Marked
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    with pg.interop.on_variables(model):  # the fix
        model(torch.ones(2)).sum().backward()
    optimizer.step()
    assert type(model.weight) is Marked
    assert model.weight.tolist() == [[0.5, 0.5]]


def test_a_subclass_that_is_not_trained_is_converted_with_its_attributes():
    model = nn.Linear(2, 1, bias=False)
    model.weight = Marked(torch.ones(1, 2), requires_grad=False)
    model.weight.scale = 3.0
    assert convert(model).weight.scale == 3.0


class KeepsATupleTwice(nn.Module):
    """A module with one tuple in several places of an attribute."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0, 3.0]))
        pair = (self.weight, 1)
        self.kept = {"a": pair, "b": [pair, (pair,)]}

    def forward(self, x):
        return x * self.kept["a"][0] * self.kept["b"][0][0] * self.kept["b"][1][0][0]


def test_a_tuple_that_is_in_several_places_is_replaced_in_each():
    model = pg.interop.convert(KeepsATupleTwice())
    model(torch.tensor([1.0, 1.0])).sum().backward()
    assert model.weight.grad.data.tolist() == [12.0, 27.0]
    pg.interop.revert(model)
    places = model.kept["a"], model.kept["b"][0], model.kept["b"][1][0]
    assert all(place[0] is model.weight for place in places)


class Pair(NamedTuple):
    first: object
    second: object


def test_a_parameter_in_a_namedtuple_is_replaced():
    model = nn.Linear(2, 1)
    model.pair = Pair(model.weight, "kept")
    pg.interop.convert(model)
    assert model.pair == Pair(model.weight, "kept")
    assert isinstance(model.pair, Pair)
    pg.interop.revert(model)
    assert model.pair.first is model.weight


def test_functional_call_of_tied_weights_that_are_not_tied_needs_each_of_them():
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    given = {"0.weight": pg.Variable(torch.eye(2), requires_grad=True)}
    with pytest.raises(ModuleError, match=r"1\.weight"):
        pg.interop.functional_call(model, given, torch.ones(1, 2), tie_weights=False)
    y = pg.interop.functional_call(model, given, torch.ones(1, 2))
    (g,) = pg.grad(y.sum(), given["0.weight"])
    assert g.tolist() == [[2.0, 2.0], [2.0, 2.0]]

"""A leaf of torch's that a module's forward makes is a leaf here; any other one is refused."""

from __future__ import annotations

import copy
import weakref
from functools import partial

import pytest
import torch
from torch import nn

import plugrad as pg
from plugrad.core.adopted_leaf import adopted
from plugrad.errors import TorchGraphError


class MakesALeaf(nn.Module):
    """Like the feature encoders of speech models."""

    def __init__(self, how):
        super().__init__()
        self.first, self.second, self.how = nn.Linear(1, 3), nn.Linear(4, 2), how

    def forward(self, x):
        hidden = x[:, None] if self.how == "view" else x[:, None] * 2
        hidden.requires_grad = True
        self.hidden = hidden
        y = torch.cat([self.first(hidden), hidden], dim=1)
        return self.second(y) * hidden + torch.linalg.norm(self.second(y)) * hidden.sin()


@pytest.fixture(params=["view", "computed"])
def model(request):
    torch.manual_seed(0)
    return MakesALeaf(request.param).double()


def test_gradients_are_torchs_and_so_is_the_leafs(model):
    x = torch.rand(5, dtype=torch.float64)
    expected = copy.deepcopy(model)
    expected(x.clone()).sum().backward()
    pg.interop.convert(model)
    model(x).sum().backward()
    for name, parameter in expected.named_parameters():
        torch.testing.assert_close(model.get_parameter(name).grad.data, parameter.grad)
    torch.testing.assert_close(model.hidden.grad, expected.hidden.grad)
    assert type(model.hidden.grad) is torch.Tensor


def test_a_second_derivative_goes_through_it(model):
    x = torch.rand(5, dtype=torch.float64)
    results = []
    for ours in (False, True):
        twin, grad = copy.deepcopy(model), torch.autograd.grad
        if ours:
            pg.interop.convert(twin)
            grad = pg.grad
        parameters = list(twin.parameters())
        firsts = grad(twin(x.clone()).sum(), parameters, create_graph=True)
        seconds = grad(sum((g * g).sum() for g in firsts), parameters, allow_unused=True)
        results.append([None if g is None else torch.tensor(g.tolist()) for g in seconds])
    torch.testing.assert_close(*results)


def test_a_users_leaf_gets_its_gradient_through_a_module():
    model = pg.interop.convert(nn.Linear(3, 2))
    x = torch.rand(4, 3, requires_grad=True)
    model(x).sum().backward()
    torch.testing.assert_close(x.grad, model.weight.data.sum(0).expand(4, 3))
    model(x).sum().backward()
    torch.testing.assert_close(x.grad, 2 * model.weight.data.sum(0).expand(4, 3))


def test_without_a_gradient_it_is_read_as_it_is():
    model = pg.interop.convert(nn.Linear(3, 2))
    x = torch.rand(4, 3, requires_grad=True)
    with pg.no_grad():
        assert not model(x).requires_grad


class Checkpointed(nn.Module):
    """A leaf that torch's checkpoint, which runs its function without a graph, needs."""

    def __init__(self, how):
        super().__init__()
        self.layer, self.how = nn.Linear(3, 3), how

    def forward(self, x):
        x = x * 1
        x.requires_grad = self.how != "nothing requires grad"
        layer = self.layer
        functions = {
            "module": layer,
            "method": layer.__call__,
            "partial": partial(layer),
            "argument of a partial": partial(nn.Linear.forward, layer),
        }
        function = functions.get(self.how, lambda x: layer(x))
        reentrant = self.how != "not reentrant"
        return torch.utils.checkpoint.checkpoint(function, x, use_reentrant=reentrant) + layer(x)


@pytest.mark.parametrize(
    "how", ["module", "method", "partial", "argument of a partial", "closure", "not reentrant"]
)
def test_torchs_checkpoint_of_a_leaf(how):
    torch.manual_seed(0)
    model, x = Checkpointed(how), torch.rand(2, 3)
    expected = copy.deepcopy(model)
    for each in (expected, pg.interop.convert(model)):
        each(x).pow(2).sum().backward()
    for name, parameter in expected.named_parameters():
        torch.testing.assert_close(model.get_parameter(name).grad.data, parameter.grad)


def test_torchs_checkpoint_of_nothing_that_requires_grad_warns_as_in_torch():
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad"):
        pg.interop.convert(Checkpointed("nothing requires grad"))(torch.rand(2, 3))


class Mixes(nn.Module):
    def __init__(self, other):
        super().__init__()
        self.w, self.other = pg.Parameter(torch.ones(3)), other

    def forward(self, x):
        return self.w * self.other


@pytest.mark.parametrize(
    "other",
    [nn.Parameter(torch.ones(3)), (nn.Parameter(torch.ones(3)) * torch.ones(3)).exp()],
    ids=["parameter", "computed"],
)
def test_in_a_module_parameters_and_what_torch_computed_are_refused(other):
    with pytest.raises(TorchGraphError, match=r"torch would get no gradient[^$]*fix: [^$]*convert"):
        Mixes(other)(None)


def test_outside_of_modules_every_leaf_is_refused():
    v, t = pg.Variable(torch.ones(3), requires_grad=True), torch.ones(3, requires_grad=True)
    for call in (lambda: v * t, lambda: torch.cat([v, t]), lambda: torch.linalg.cond(t * v)):
        with pytest.raises(TorchGraphError, match="fix: pass tensor.detach"):
            call()


# --- the gradients of a model's inputs, plain tensors ----------------------------------


class Energy(nn.Module):
    """Of positions; ``way`` says how torch's own computation takes part."""

    def __init__(self, way):
        super().__init__()
        self.layer, self.way = nn.Linear(3, 1), way

    def forward(self, x):
        if self.way == "computed":
            return self.layer(x.sin()).exp().sum() + (x * self.layer.bias).sum()
        out = torch.zeros(2, dtype=x.dtype)
        if self.way == "written over":
            out = x.detach().sin().sum(-1)
        if self.way == "of one's own":  # which no hook of the model sees
            x = own = torch.linspace(-1, 1, 6, dtype=x.dtype).view(2, 3).requires_grad_()
            out = own.sin().sum(-1) + 0
        out += self.layer(x)[:, 0].exp()
        return (
            out
            if self.way != "of one's own"
            else torch.autograd.grad(out.sum(), own)[0] + out[:, None]
        )


def pair_of(way):
    torch.manual_seed(0)
    theirs = Energy(way).double()
    return theirs, pg.interop.convert(copy.deepcopy(theirs))


POSITIONS = torch.linspace(-1, 2, 6, dtype=torch.float64).view(2, 3)


def as_tensors(values):
    return [None if v is None else torch.as_tensor(v.detach()) for v in values]


def forces(model, create_graph=False):
    x = POSITIONS.clone().requires_grad_()
    return x, torch.autograd.grad(model(x).sum(), x, create_graph=create_graph)[0]


@pytest.mark.parametrize("way", ["computed", "written", "written over", "of one's own"])
def test_torch_is_asked_for_the_gradient_of_an_input(way):
    results = []
    for model in pair_of(way):
        x = POSITIONS.clone().requires_grad_()
        unused = torch.ones(1, requires_grad=True)
        if way == "of one's own":
            results.append(as_tensors([model(x)]))
            continue
        found = list(torch.autograd.grad(model(x).sum(), [x, unused], allow_unused=True))
        model(x).sum().backward(inputs=[x])
        found.append(x.grad)
        model(x).sum().backward()
        found += [x.grad, *[p.grad for p in model.parameters()]]
        found.append(torch.autograd.functional.jacobian(model, POSITIONS))
        assert type(x.grad) is torch.Tensor
        results.append(as_tensors(found))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("way", ["computed", "written", "written over"])
def test_forces_are_differentiated_again(way):
    results = []
    for model in pair_of(way):
        _, force = forces(model, create_graph=True)
        force.pow(2).sum().backward()
        gradients = [p.grad for p in model.parameters()]
        hessian = torch.autograd.functional.hessian(lambda x, m=model: m(x).sum(), POSITIONS)
        results.append(as_tensors([force, *gradients, hessian]))
    torch.testing.assert_close(*results)


def test_of_what_the_user_computed_torch_goes_on():
    results = []
    for model in pair_of("computed"):
        x = POSITIONS.clone().requires_grad_()
        h = (2 * x).exp() * 0.1
        found = list(torch.autograd.grad(model(h).sum(), [x, h]))
        model((2 * x).exp() * 0.1).sum().backward()
        results.append(as_tensors([*found, x.grad]))
    torch.testing.assert_close(*results)


def test_in_a_block_and_after_revert():
    theirs, ours = pair_of("computed")
    pg.interop.revert(ours)
    assert not ours._forward_pre_hooks
    assert not ours._forward_pre_hooks_with_kwargs
    with pg.interop.on_variables(ours):
        _, force = forces(ours, create_graph=True)
        assert isinstance(force, pg.Variable)
    torch.testing.assert_close(torch.as_tensor(force.detach()), forces(theirs)[1])
    assert not ours._forward_pre_hooks
    assert type(forces(ours)[1]) is torch.Tensor


def test_a_grad_of_torchs_with_a_graph_is_refused():
    model = pair_of("computed")[1]
    x = POSITIONS.clone().requires_grad_()
    with pytest.raises(pg.errors.OnceDifferentiableError, match="fix: call torch.autograd.grad"):
        model(x).backward(create_graph=True)
    assert x.grad is None
    model(x).backward()
    assert x.grad is not None


def test_a_tensor_that_no_variable_met_is_named():
    v = pg.Variable(torch.ones(2), requires_grad=True)
    with pytest.raises(pg.errors.UnusedInputError, match="to not have been used"):
        torch.autograd.grad(v.sum(), torch.ones(2, requires_grad=True))
    with pytest.raises(
        pg.errors.GradientTypeError, match="fix: pass plugrad.Variable objects, which"
    ):
        torch.autograd.grad(v.sum(), torch.ones(2, requires_grad=True) * 2)


class Clipped(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return g.clamp(-1, 1)


@pytest.mark.parametrize("how", ["Function", "hook"])
def test_what_torch_computed_gets_its_gradient_as_a_whole(how):
    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(3, 3)

        def forward(self, x):
            out = torch.zeros(2, 3, dtype=x.dtype)
            out[:] = self.a(x)
            if how == "hook":
                out.register_hook(lambda g: g.clamp(-1, 1))
            h = Clipped.apply(out) if how == "Function" else out
            return (self.a.bias.exp() * h * 3 + self.a.bias.cos() * h * 2).sum()

    torch.manual_seed(0)
    theirs = Reads().double()
    results = []
    for model in (theirs, pg.interop.convert(copy.deepcopy(theirs))):
        model(POSITIONS).backward()
        results.append(as_tensors(p.grad for p in model.parameters()))
    torch.testing.assert_close(*results)


def test_a_leafs_variable_lives_no_longer_than_the_leaf():
    model = pg.interop.convert(nn.Linear(3, 2))
    x = torch.rand(4, 3, requires_grad=True)
    model(x).sum().backward()
    gone, leaf = weakref.ref(x), weakref.ref(adopted(x))
    del x
    assert gone() is None
    assert leaf() is None


@pytest.mark.parametrize("base", [torch.autograd.Function, pg.Function])
def test_a_backward_makes_leaves_and_uses_them_with_a_converted_module(base):
    class Recomputes(base):
        @staticmethod
        def forward(ctx, x, module, w):
            ctx.module = module
            ctx.save_for_backward(x, w)
            with torch.no_grad():
                return module(x).detach() * w

        @staticmethod
        def backward(ctx, g):
            x, w = (t.detach().requires_grad_() for t in ctx.saved_tensors)
            with torch.enable_grad():
                y = ctx.module(x) * w
            gx, gw = torch.autograd.grad(y, [x, w], g)
            return gx, None, gw

    module = pg.interop.convert(torch.nn.Linear(3, 3))
    v, u = (pg.Variable(torch.randn(2, 3), requires_grad=True) for _ in range(2))
    Recomputes.apply(v, module, u).sum().backward()
    again = [pg.Variable(t.data.clone(), requires_grad=True) for t in (v, u)]
    (module(again[0]) * again[1]).sum().backward()
    for got, expected in zip((v, u), again, strict=True):
        assert torch.allclose(got.grad.data, expected.grad.data)

"""What a module writes into plain tensors has its gradient: torch's, of the same module."""

from __future__ import annotations

import copy
import gc
import importlib
import sys
import weakref

import pytest
import torch
from torch import nn

import plugrad as pg
from plugrad.errors import GraphFreedError, OnceDifferentiableError, TorchGraphError
from plugrad.tests.notes.engines import PLUGRAD, failing

X = torch.linspace(-1, 1, 24, dtype=torch.float64).view(2, 4, 3)


class Recurrent(nn.Module):
    """Writes each state into an output that it made; ``way`` says what becomes of that."""

    def __init__(self, way):
        super().__init__()
        self.cell, self.last, self.way = nn.Linear(6, 3), nn.Linear(3, 2), way

    def forward(self, x):
        state, out = x.new_zeros(2, 3), torch.zeros(2, 4, 3, dtype=x.dtype)
        for step in range(4):
            if self.way == "read again" and step:
                state = state + out[:, step - 1] * 0.5
            state = self.cell(torch.cat([x[:, step], state], 1)).tanh()
            out[:, step] = state
        return getattr(self, self.way.replace(" ", "_"))(out, state)

    def returned(self, out, state):
        return out

    def read(self, out, state):
        return self.last(out)

    read_again = read

    def computed_by_torch(self, out, state):
        return self.last((out * 2).relu().flip(1))

    def changed(self, out, state):
        out.mul_(state[:, None]).add_(self.last.weight[0], alpha=2)
        out[1:].copy_(self.last.weight[1])
        out += state[:, None]
        return out.sin()

    def both(self, out, state):
        return out * self.last.weight.sum() + out.exp()

    def gathered(self, out, state):
        table = torch.zeros(3, 3, dtype=out.dtype)
        table.index_add_(0, torch.tensor([2, 0]), state)
        table.masked_fill_(table > 0, 2.0)
        return table, out


WAYS = ("returned", "read", "read again", "computed by torch", "changed", "both", "gathered")


def pair(way):
    """A module, and the same of Variables."""
    torch.manual_seed(0)
    module = Recurrent(way).double()
    return module, pg.interop.convert(copy.deepcopy(module))


def loss_of(module, x=X):
    outputs = module(x)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return sum((y * y).sum() for y in outputs)


def gradients(module):
    return [None if p.grad is None else torch.tensor(p.grad.tolist()) for p in module.parameters()]


def assert_same(expected, got):
    for e, g in zip(expected, got, strict=True):
        assert (e is None) == (g is None)
        if e is not None:
            torch.testing.assert_close(torch.tensor(g.tolist()), torch.tensor(e.tolist()))


@pytest.mark.parametrize("way", WAYS)
def test_backward_is_torchs(way):
    theirs, ours = pair(way)
    for _ in range(2):
        expected, loss = loss_of(theirs), loss_of(ours)
        torch.testing.assert_close(torch.tensor(loss.item()), torch.tensor(expected.item()))
        expected.backward()
        loss.backward()
        assert_same(gradients(theirs), gradients(ours))


@pytest.mark.parametrize("way", WAYS)
def test_grad_is_torchs(way):
    theirs, ours = pair(way)
    expected = torch.autograd.grad(loss_of(theirs), [*theirs.parameters()], allow_unused=True)
    for grad in (pg.grad, torch.autograd.grad):
        found = grad(loss_of(ours), [*ours.parameters()], allow_unused=True)
        assert_same(expected, found)


def test_a_loss_of_torchs_is_a_tensor_whose_graph_may_be_kept():
    theirs, ours = pair("returned")
    for module in (theirs, ours):
        loss = loss_of(module)
        assert type(loss) is torch.Tensor
        loss.backward(retain_graph=True)
        loss.backward()
    assert_same(gradients(theirs), gradients(ours))
    pg.backward(loss_of(ours))
    loss_of(theirs).backward()
    assert_same(gradients(theirs), gradients(ours))


def test_nothing_is_recorded_without_grad_mode():
    ours = pair("returned")[1]
    with pg.no_grad():
        assert not ours(X).requires_grad
    assert not ours.requires_grad_(False)(X).requires_grad


def norm_of_gradients(grad, loss, inputs):
    found = grad(loss, inputs, create_graph=True, allow_unused=True)
    return sum((g * g).sum() for g in found if g is not None)


class Linear(nn.Module):
    """What it wrote has a constant gradient, and partly constant numbers."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([2.0, 3.0], dtype=torch.float64))

    def forward(self, x):
        out = torch.zeros(2, 2, dtype=x.dtype)
        out[0], out[1] = self.w * x, self.w.detach()
        return out * 3 + self.w**2


def test_a_constant_gradient_is_differentiated_again():
    results = []
    theirs = Linear()
    for module in (theirs, pg.interop.convert(copy.deepcopy(theirs))):
        (first,) = torch.autograd.grad(module(X[0, 0, :2]).sum(), module.w, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), module.w)
        results.append([first.detach(), second])
    assert_same(*results)


@pytest.mark.parametrize("way", WAYS)
def test_second_and_third_derivatives_are_torchs(way):
    theirs, ours = pair(way)
    for grad in (torch.autograd.grad, pg.grad):
        results = []
        for module in (theirs, ours):
            parameters = [*module.parameters()]
            own = torch.autograd.grad if module is theirs else grad
            second = norm_of_gradients(own, loss_of(module), parameters)
            third = norm_of_gradients(own, second, parameters)
            found = own(third, parameters, allow_unused=True)
            results.append([second.detach(), third.detach(), *found])
        assert_same(*results)


@pytest.mark.parametrize("way", WAYS)
def test_the_gradient_of_an_input_is_differentiated_again(way):
    results = []
    for module in pair(way):
        x = X.clone().requires_grad_()
        second = norm_of_gradients(torch.autograd.grad, loss_of(module, x), [x])
        (mixed,) = torch.autograd.grad(second, x, retain_graph=True)
        second.backward(retain_graph=True)
        results.append([second.detach(), mixed, x.grad, *gradients(module)])
    assert_same(*results)


def test_a_weight_of_the_gradient_is_differentiated_too():
    results = []
    for module in pair("returned"):
        x, weight = X.clone().requires_grad_(), (2 * X).requires_grad_()
        (found,) = torch.autograd.grad(module(x), x, weight, create_graph=True)
        found.pow(2).sum().backward(retain_graph=True)
        results.append([found.detach(), x.grad, weight.grad, *gradients(module)])
    assert_same(*results)


@pytest.mark.parametrize("backward", [torch.Tensor.backward, pg.backward])
def test_a_loss_of_gradients(backward):
    results = []
    for module in pair("returned"):
        x = X.clone().requires_grad_()
        second = norm_of_gradients(torch.autograd.grad, loss_of(module, x), [x])
        (backward if results else torch.Tensor.backward)(second)
        results.append([x.grad, *gradients(module)])
    assert_same(*results)


@pytest.mark.filterwarnings("ignore:.*reference cycle")  # torch's, once in a process
def test_a_grad_with_a_graph_is_refused():
    loss = loss_of(pair("returned")[1])
    with pytest.raises(OnceDifferentiableError, match="create_graph of a plain tensor") as caught:
        loss.backward(create_graph=True)
    assert "fix: leave out create_graph" in str(caught.value)


def test_a_loss_of_torchs_after_reading():
    class ReadsAndReturns(Recurrent):
        def read_again(self, out, state):
            return out

    theirs, ours = (copy.deepcopy(m) for m in pair("read again"))
    for module in (theirs, ours):
        module.__class__ = ReadsAndReturns
    loss_of(theirs).backward()
    for backward in (torch.Tensor.backward, pg.backward):
        ours.zero_grad()
        backward(loss_of(ours))
        assert_same(gradients(theirs), gradients(ours))


class Written(nn.Module):
    """Calls ``way``, which writes into plain tensors."""

    def __init__(self, way):
        super().__init__()
        self.w, self.way = nn.Parameter(torch.tensor([0.2, 0.3, 0.5])), way

    def forward(self, *args):
        return self.way(self.w, *args)


def each_after_the_last(w, x):
    y = torch.zeros(4)
    y[0] = x[0]
    for i in range(3):
        y[i + 1] = y[i].exp() * w[i]
    return y


def written_and_computed_further(w, x):
    y = torch.zeros(3)
    y[:] = x * w
    z = y.exp()
    out = torch.zeros(3)
    out[:] = z * w
    return out * z


def overwritten_after_reading(w, x):
    y = torch.zeros(4)
    y[0] = x[0] * w[0]
    a = y[0] + w[1]
    y[0] = w[2]
    y[2] = a * 2
    y[3] = y[0] + a
    return y


def overwritten_as_a_whole(w, x):
    y = torch.zeros(3)
    y[:] = x * w
    a = y + w
    y[:] = 0.0
    y[:] = a * 2
    return y


def changed_after_writing(w, x):
    y, v = torch.zeros(6), x * w
    y[:3] = v
    v.mul_(w)
    y[3:] = v
    return y


def same_of_both(way, differentiate):
    """What it gives for a module and a converted copy, and an input that requires grad."""
    results = []
    for module in (Written(way), pg.interop.convert(Written(way))):
        x = torch.tensor([0.5, 0.7, -0.4], requires_grad=True)
        y = module(x)
        assert type(y) is torch.Tensor
        results.append(differentiate((y * torch.arange(1.0, 1 + len(y))).sum(), x, module.w))
    assert_same(*results)


AGAIN = [
    each_after_the_last,
    written_and_computed_further,
    overwritten_after_reading,
    overwritten_as_a_whole,
    changed_after_writing,
]


@pytest.mark.parametrize("way", AGAIN)
def test_what_is_read_and_written_again_has_the_gradient_it_had_then(way):
    same_of_both(way, lambda loss, x, _: torch.autograd.grad(loss, [x]))

    def backward(loss, x, w):
        loss.backward()
        return [x.grad, w.grad]

    same_of_both(way, backward)


@pytest.mark.parametrize("way", AGAIN)
def test_torch_runs_the_hooks_of_an_input_once_with_the_whole_gradient(way):
    def asked(loss, x, w):
        seen = []
        x.register_hook(lambda g: (seen.append(g.clone()), g * 3)[1])
        return [*torch.autograd.grad(loss, [x]), *seen]

    def backward(loss, x, w):
        seen = []
        x.register_hook(lambda g: (seen.append(g.clone()), g * 3)[1])
        loss.backward()
        return [x.grad, w.grad, *seen]

    same_of_both(way, asked)
    same_of_both(way, backward)


def test_torch_runs_the_hooks_of_what_is_read_once():
    for differentiate in (
        lambda loss, x, _: torch.autograd.grad(loss, [x]),
        lambda loss, x, w: [loss.backward(), x.grad, w.grad][1:],
    ):
        seen = []

        def hooked(w, x, seen=seen):
            y = torch.zeros(3)
            y[:] = x * w
            z = y.exp()
            z.register_hook(lambda g: (seen.append(g.clone()), g * 2)[1])
            out = torch.zeros(3)
            out[:] = z * w
            return out * z

        same_of_both(hooked, differentiate)
        assert_same([seen[0]], seen[1:])


def test_a_graph_that_torchs_backward_has_freed_is_not_used_again():
    def both(w):
        y = torch.zeros(3)
        y[:] = w
        z = y.exp()
        return z.sum(), (z * w).sum()

    plain, read = pg.interop.convert(Written(both))()
    plain.backward()
    with pytest.raises(GraphFreedError, match="read again") as caught:
        read.backward()
    assert "fix: pass retain_graph=True" in str(caught.value)
    plain, read = pg.interop.convert(Written(both))()
    plain.backward(retain_graph=True)
    read.backward()


def test_with_a_leaf_of_torchs_both_get_their_gradients():
    theirs, ours = pair("read")
    found = []
    for module, grad in (
        (theirs, torch.autograd.grad),
        (ours, pg.grad),
        (ours, torch.autograd.grad),
    ):
        module.last = nn.Identity()
        leaf, factor = torch.ones(3, dtype=X.dtype, requires_grad=True), X[0, 0].clone()
        factor = factor if module is theirs else pg.Variable(factor)
        found.append(grad((module(X) * leaf * factor).sum(), [leaf, *module.parameters()]))
    assert_same(*found[:2])
    assert_same(found[0], found[2])
    assert [type(g) for g in found[2][:2]] == [torch.Tensor, pg.Variable]


def test_with_a_parameter_of_torchs_it_is_refused():
    ours = pair("read")[1]
    ours.last = nn.Identity()
    with pytest.raises(
        TorchGraphError, match="and from parameters that are no Variables"
    ) as caught:
        ours(X) * nn.Parameter(torch.ones(3, dtype=X.dtype)) * pg.Variable(X[0])
    assert "plugrad.interop.convert(module)" in str(caught.value)


def test_what_was_saved_and_then_overwritten_is_noticed():
    class Overwrites(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([2.0, 3.0]))

        def forward(self):
            out = torch.zeros(3, 2)
            out[0] = self.w
            y = out[0] * self.w
            out[0] = 5
            return y.sum()

    for module, error in (
        (Overwrites(), RuntimeError),
        (pg.interop.convert(Overwrites()), pg.errors.SavedTensorChangedError),
    ):
        with pytest.raises(error, match="modified by an inplace operation"):
            module().backward()


def test_an_error_of_a_rule_comes_out_and_nothing_stays():
    fails = failing(PLUGRAD, ValueError("mine"))

    class Module(nn.Module):
        def forward(self, x):
            out = torch.zeros(2)
            out.copy_(fails.apply(x))
            return out

    x = pg.Variable(torch.ones(2), requires_grad=True)
    with pytest.raises(ValueError, match="mine"):
        Module()(x).sum().backward()
    y = x * 1
    alive = weakref.ref(y)
    Module()(y)
    del y
    gc.collect()
    assert alive() is None


TRANSFORMS = {
    "vmap": lambda f: pg.func.vmap(lambda x: f(x.expand(2, 4, 3)))(X),
    "grad": lambda f: pg.func.grad(lambda x: f(x).sum())(X),
    "jvp": lambda f: pg.func.jvp(f, (X,), (X,)),
    "jacrev": lambda f: pg.func.jacrev(f)(X),
    "jacfwd": lambda f: pg.func.jacfwd(f)(X),
    "functional.jacobian": lambda f: pg.functional.jacobian(f, pg.Variable(X)),
    "functional.vjp": lambda f: pg.functional.vjp(lambda x: f(x).sum(), pg.Variable(X)),
    "functional.hvp": lambda f: pg.functional.hvp(lambda x: f(x).sum(), pg.Variable(X), X),
}


@pytest.mark.parametrize("way", ["returned", "read"])
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_transforms_refuse_it_as_outside_a_module(transform, way):
    with pytest.raises(pg.errors.InplaceError, match="into a plain tensor"):
        transform(pair(way)[1])


def test_so_does_forward_mode():
    ours = pair("returned")[1]
    with pg.forward_ad.dual_level():
        dual = pg.forward_ad.make_dual(pg.Variable(X), torch.ones_like(X))
        with pytest.raises(pg.errors.InplaceError, match="into a plain tensor"):
            ours(dual)
    assert ours(X).requires_grad
    refused = pytest.raises(pg.errors.InplaceError, match="into a plain tensor")
    with torch.autograd.forward_ad.dual_level(), refused:
        ours(X)


@pytest.mark.parametrize("way", ["returned", "read", "read again"])
@pytest.mark.parametrize("reentrant", [None, False, True])
def test_checkpoints_of_such_modules(way, reentrant):
    theirs, ours = pair(way)
    inputs = X.clone().requires_grad_(), pg.Variable(X.clone(), requires_grad=True)
    for module, x in zip((theirs, ours), inputs, strict=True):
        if reentrant is None:
            y = pg.checkpoint(module, x) if module is ours else module(x)
        else:
            y = torch.utils.checkpoint.checkpoint(module, x, use_reentrant=reentrant)
        (y * y).sum().backward()
    assert_same(gradients(theirs), gradients(ours))
    assert_same([inputs[0].grad], [inputs[1].grad])


PACKAGE = '''
import torch

def collected(xs):
    """What a library does that has no module."""
    out = torch.zeros(len(xs), 2)
    for i, x in enumerate(xs):
        out[i] = x
    return out

def called(function, x):
    out = torch.zeros(2)
    function(out, x)
    return out

def scaled(x, by):
    return x * by
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package, and the same file elsewhere."""
    installed = tmp_path / "site-packages"
    installed.mkdir()
    for folder, name in ((installed, "a_package"), (tmp_path, "own_code")):
        (folder / f"{name}.py").write_text(PACKAGE)
        monkeypatch.syspath_prepend(folder)
    yield importlib.import_module("a_package"), importlib.import_module("own_code")
    for name in ("a_package", "own_code"):
        del sys.modules[name]


def test_a_package_may_write_as_a_module_may(package):
    installed, own = package
    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    installed.collected([x * x, x]).pow(2).sum().backward()
    assert x.grad.tolist() == [6, 36]
    leaf = torch.ones(2, requires_grad=True)
    installed.scaled(x, leaf).sum().backward()
    assert leaf.grad.tolist() == [1, 2]
    with pytest.raises(pg.errors.InplaceError, match="fix: "):
        own.collected([x])
    with pytest.raises(TorchGraphError, match="fix: "):
        own.scaled(x, torch.ones(2, requires_grad=True))
    with pytest.raises(pg.errors.InplaceError, match="fix: "):  # it is this function that writes
        installed.called(lambda out, x: out.copy_(x), x)


def test_a_variable_that_is_changed_after_it_was_written_has_the_gradient_of_what_was_written():
    class Changes(nn.Linear):
        def forward(self, x):
            out, v = torch.zeros(2, 2, 3), super().forward(x)
            out[0] = v
            v.mul_(self.weight[:2])
            out[1] = v
            return out

    theirs = Changes(3, 3)
    ours = pg.interop.convert(copy.deepcopy(theirs))
    for module in (theirs, ours):
        module(torch.ones(2, 3)).cos().sum().backward()
    assert_same(*[[module.weight.grad, module.bias.grad] for module in (theirs, ours)])


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_tensor_from_which_torch_computed_an_input_has_its_gradient(create_graph):
    results = []
    for module in (nn.Linear(3, 2), pg.interop.convert(nn.Linear(3, 2))):
        with torch.no_grad():
            module.weight.fill_(0.3)
            module.bias.fill_(0.1)
        x = torch.linspace(-1, 1, 6).view(2, 3).requires_grad_()
        y = (x * 2).cos()
        loss = module(torch.cat([y, y * y])).pow(3).sum()
        (found,) = torch.autograd.grad(loss, y, create_graph=create_graph)
        assert type(found) is torch.Tensor
        results.append([found])
        if create_graph:
            found.pow(2).sum().backward()
            results[-1] += [x.grad, module.weight.grad]
    assert_same(*results)


def test_hooks_run_once_for_several_outputs_where_torch_computed_the_input():
    seen = []
    module = pg.interop.convert(nn.Linear(3, 1))
    module.register_full_backward_hook(lambda _, gx, gy: seen.append(gy[0].tolist()))
    x = torch.ones(2, 3, requires_grad=True) * 2
    outputs = torch.unbind(module(torch.cat([x, x]))[:, 0])
    (found,) = torch.autograd.grad(outputs, x)
    assert_same([2 * module.weight.detach().expand(2, 3)], [found])
    assert seen == [[[1.0]] * 4]

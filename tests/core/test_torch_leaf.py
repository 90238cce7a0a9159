"""A leaf of torch's that a module's forward makes is a leaf here; any other one is refused."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import nn

import plugrad as pg
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
        function = {"module": layer, "method": layer.__call__, "partial": partial(layer)}.get(
            self.how, lambda x: layer(x)
        )
        reentrant = self.how != "not reentrant"
        return torch.utils.checkpoint.checkpoint(function, x, use_reentrant=reentrant) + layer(x)


@pytest.mark.parametrize("how", ["module", "method", "partial", "closure", "not reentrant"])
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

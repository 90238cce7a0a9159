"""Tensors of a subclass of torch's: the class is handed on in torch's forward, not to gradients."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor, nn

import plugrad as pg


class Tagged(Tensor):
    """A class that is only a name."""


class Named(Tensor):
    """Another one."""


class WithRules(Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs or {})


KINDS = (Tagged, Named, WithRules)


def models():
    theirs, ours = [nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)) for _ in range(2)]
    ours.load_state_dict(theirs.state_dict())
    return theirs, pg.interop.convert(ours)


@pytest.mark.parametrize("kinds", [(k,) for k in KINDS] + [KINDS, KINDS[::-1]])
def test_gradients_are_plain_whatever_the_inputs_are(kinds):
    x, both = torch.randn(5, 3), models()
    for kind in kinds:
        for model in both:
            model(x.as_subclass(kind)).pow(2).sum().backward()
    for theirs, ours in zip(*[m.parameters() for m in both], strict=True):
        assert type(theirs.grad) is type(ours.grad.data) is Tensor
        torch.testing.assert_close(ours.grad.data, theirs.grad)


@pytest.mark.parametrize("kind", [Tagged, Named])
def test_an_optimizers_state_can_be_loaded_without_the_class(kind):
    _, model = models()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(5, 3).as_subclass(kind)).sum().backward()
    optimizer.step()
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    assert torch.load(file, weights_only=True)["state"]


@pytest.mark.parametrize("kind", [Tagged, Named])
def test_a_leaf_made_of_one_has_a_plain_gradient(kind):
    tensor = torch.ones(3).as_subclass(kind)
    leaf = pg.Variable(tensor, requires_grad=True)
    (leaf * tensor).sum().backward()
    assert type(leaf.grad.data) is Tensor
    tensor.fill_(2)  # the memory is the same
    assert leaf.tolist() == [2, 2, 2]
    y = leaf * leaf
    tensor.fill_(3)
    with pytest.raises(pg.errors.SavedTensorChangedError):
        y.sum().backward()


def test_one_is_changed_in_place():
    v = pg.Variable(torch.ones(3), requires_grad=True)
    tensor = torch.ones(3).as_subclass(Tagged)
    with torch.no_grad():
        result = tensor.add_(v)
    assert tensor.tolist() == [2, 2, 2]
    assert result.tolist() == [2, 2, 2]
    y = v * tensor
    tensor.add_(1)
    with pytest.raises(pg.errors.SavedTensorChangedError):
        y.sum().backward()


def test_torchs_parameter_stays_what_it_is():
    parameter = nn.Parameter(torch.ones(3), requires_grad=False)
    assert pg.Variable(parameter).data is parameter

"""torch's reentrant checkpoint, given tensors and a function that computes with Variables."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import plugrad as pg
from plugrad.errors import CheckpointArgumentError

#: What functions below refer to as a global.
LAYER: nn.Module
LAYERS: list[nn.Module]


class Trainer:
    """An object that is no module, and has one."""

    def __init__(self, layer):
        self.layer = layer

    def step(self, x):
        return self.layer(x).tanh()

    def closure(self):
        return lambda x: self.layer(x).tanh()

    __call__ = step


def named(x):
    return LAYER(x).tanh()


def in_a_list(layer):
    layers = [layer]
    return lambda x: layers[0](x).tanh()


def in_a_nested_dictionary(layer):
    layers = {"a": ({"b": layer},)}
    return lambda x: layers["a"][0]["b"](x).tanh()


def in_another_function(layer):
    def inner(x):
        return layer(x)

    return lambda x: inner(x).tanh()


def weight_and_bias(layer):
    weight, bias = layer.weight, layer.bias
    return lambda x: nn.functional.linear(x, weight, bias).tanh()


#: How a function refers to a layer.
WAYS = {
    "closure": lambda layer: lambda x: layer(x).tanh(),
    "variables": weight_and_bias,
    "module": lambda layer: nn.Sequential(layer, nn.Tanh()),
    "method of a module": lambda layer: nn.Sequential(layer, nn.Tanh()).forward,
    "list": in_a_list,
    "nested dictionary": in_a_nested_dictionary,
    "other function": in_another_function,
    "default": lambda layer: lambda x, m=layer: m(x).tanh(),
    "keyword's default": lambda layer: lambda x, *, m=layer: m(x).tanh(),
    "global": lambda _: lambda x: LAYER(x).tanh(),
    "global list": lambda _: lambda x: next(m(x).tanh() for m in LAYERS),
    "global of a function": lambda _: lambda x: named(x),
    "partial's argument": lambda layer: partial(lambda m, x: m(x).tanh(), layer),
    "partial's keyword": lambda layer: partial(lambda x, m: m(x).tanh(), m=layer),
    "partial of a closure": lambda layer: partial(lambda x: layer(x).tanh()),
    "object": Trainer,
    "method": lambda layer: Trainer(layer).step,
    "closure of a method": lambda layer: Trainer(layer).closure(),
}


def gradients(way, is_converted):
    """The gradients of a layer in a checkpoint, of one after it, and of the input."""
    global LAYER, LAYERS  # noqa: PLW0603
    torch.manual_seed(0)
    layer, head = nn.Linear(3, 3), nn.Linear(3, 2)
    if is_converted:
        pg.interop.convert(layer)
        pg.interop.convert(head)
    LAYER, LAYERS = layer, [layer]
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    try:
        head(checkpoint(WAYS[way](layer), x, use_reentrant=True)).sin().sum().backward()
    finally:
        del LAYER, LAYERS
    parameters = *layer.parameters(), *head.parameters()
    return [None if p.grad is None else torch.as_tensor(p.grad) for p in (*parameters, x)]


@pytest.mark.parametrize("way", WAYS)
def test_what_the_function_refers_to_gets_its_gradient(way):
    torch.testing.assert_close(gradients(way, True), gradients(way, False))


def test_a_sequence_of_converted_modules_gets_its_gradients():
    def found(is_converted):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3), nn.Linear(3, 2))
        if is_converted:
            pg.interop.convert(model)
        x = torch.arange(6.0).reshape(2, 3).requires_grad_()
        checkpoint_sequential(model, 2, x, use_reentrant=True).sin().sum().backward()
        return [torch.as_tensor(p.grad) for p in (*model.parameters(), x)]

    torch.testing.assert_close(found(True), found(False))


def test_a_name_without_a_value_yet_is_no_error():
    def function(x):
        return x * 2 if x.sum() > 0 else later(x)

    x = torch.ones(2, requires_grad=True)
    y = checkpoint(function, x, use_reentrant=True)
    later = torch.sin
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_variables_that_are_not_found_are_an_error_which_says_what_to_do():
    layer = pg.interop.convert(nn.Linear(3, 3))
    hidden = SimpleNamespace(inner=SimpleNamespace(layer=layer))
    x = torch.ones(2, 3, requires_grad=True)
    with pytest.raises(CheckpointArgumentError, match="use_reentrant=False"):
        checkpoint(lambda v: hidden.inner.layer(v), x, use_reentrant=True)
    checkpoint(lambda v: hidden.inner.layer(v), x, use_reentrant=False).sum().backward()
    expected = layer.weight.data.sum(0).expand(2, 3)
    torch.testing.assert_close(x.grad, expected)
    torch.testing.assert_close(layer.weight.grad.data, torch.full((3, 3), 2.0))


def test_where_no_gradient_is_wanted_the_function_just_runs():
    layer = pg.interop.convert(nn.Linear(3, 3))
    hidden = SimpleNamespace(inner=SimpleNamespace(layer=layer))
    x = torch.ones(2, 3, requires_grad=True)
    with torch.no_grad():
        y = checkpoint(lambda v: hidden.inner.layer(v), x, use_reentrant=True)
    torch.testing.assert_close(y.data, layer(x.detach()).data)


def test_a_function_of_tensors_is_torchs_own_checkpoint():
    x = torch.ones(2, requires_grad=True)
    y = checkpoint(torch.sin, x, use_reentrant=True)
    assert type(y) is torch.Tensor
    assert type(y.grad_fn).__name__ == "CheckpointFunctionBackward"

"""What stands for things of torch's that are not ops, and what the message says of the rest."""

from __future__ import annotations

import sys

import pytest
import torch
import torch.overrides

import plugrad as pg
from plugrad import errors
from plugrad.core.installed_torch import torch_before
from plugrad.plugins.instead import (
    instead_of_attribute,
    instead_of_function,
    torch_name,
    variables_own,
)

T = torch.Tensor
ATTRIBUTE = "an attribute of a tensor, not an op"
ITSELF = "about the tensor itself, not an op"
GRAPHS, FUNCTIONS = "about graphs, not an op", "about functions, not an op"


@pytest.mark.parametrize(
    ("function", "name", "what", "fix"),
    [
        (T.is_mkldnn.__set__, "torch.Tensor.is_mkldnn.__set__", ATTRIBUTE,
         "write x.data.is_mkldnn = ..."),
        (T.is_mkldnn.__delete__, "torch.Tensor.is_mkldnn.__delete__", ATTRIBUTE,
         "write del x.data.is_mkldnn"),
        (torch.jit.trace, "torch.jit._trace.trace", FUNCTIONS,
         "pass x.data: it compiles functions of tensors"),
        (T.storage, "torch.Tensor.storage", ITSELF, "call x.data.storage(...)"),
        (T.as_subclass, "torch.Tensor.as_subclass", ITSELF, "call x.data.as_subclass(...)"),
    ],
)  # fmt: skip
def test_each_kind_is_told_what_to_write(function, name, what, fix):
    assert torch_name(function) == name
    assert instead_of_function(name) == (what, fix)
    with pytest.raises(errors.UnknownTorchFunctionError) as caught:
        pg.registry.torch_function(function)
    assert str(caught.value).startswith(f"{name} cannot take a Variable: it is {what}\n")
    assert f"where: a call of {name}\n  fix: {fix}" in str(caught.value)


@pytest.mark.parametrize(("name", "what"), [("grad", GRAPHS), ("backward", GRAPHS)])
def test_a_registry_without_stand_ins_says_what_to_call(name, what):
    found = instead_of_function(f"torch.autograd.{name}")
    assert found == (what, f"call plugrad.{name} with the same arguments")


def test_what_variable_has_of_its_own_stands_for_what_tensors_have():
    x = pg.Variable(torch.tensor([1.0, 4.0]), requires_grad=True)
    call = pg.registry.torch_function
    assert call(T.data.__get__)(x) is x.data
    assert call(T.requires_grad.__get__)(x, type(x)) is True
    assert call(torch.numel)(x) == call(T.__len__)(x) == 2
    call(T.grad.__set__)(x, torch.ones(2))
    assert x.grad.data.tolist() == [1.0, 1.0]
    call(T.grad.__delete__)(x)
    assert x.grad is None
    assert call(T.requires_grad_)(x, False) is x
    assert not x.requires_grad
    assert not x.data.requires_grad
    assert torch.numel(x) == 2
    assert torch.is_floating_point(x)
    assert not torch.is_complex(x)


def test_detach_is_variables_own():
    x = pg.Variable(torch.tensor([1.0, 4.0]), requires_grad=True)
    y = torch.detach(x * 2)
    assert isinstance(y, pg.Variable)
    assert y.is_leaf
    assert not y.requires_grad
    assert y.data.tolist() == [2.0, 8.0]


def test_names_of_others_are_not_variables_own():
    assert variables_own("torch.nn.functional.numel") is None
    assert variables_own("torch.sin") is None
    assert variables_own("torch.Tensor.is_mkldnn.__get__") is None


@pytest.mark.parametrize("name", ["storage", "as_subclass"])
def test_a_missing_attribute(name):
    x = pg.Variable(torch.ones(2))
    assert instead_of_attribute(name) == (ITSELF, f"call x.data.{name}(...)")
    with pytest.raises(errors.UnknownOpError) as caught:
        getattr(x, name)
    fix = f"call x.data.{name}(...)"
    assert str(caught.value) == f"a Variable has no {name!r}: it is {ITSELF}\n  fix: {fix}"


def test_what_is_told_works_when_it_is_typed():
    x = pg.Variable(torch.tensor([1.0, 4.0]), requires_grad=True)
    assert type(x.data.as_subclass(torch.nn.Parameter)) is torch.nn.Parameter


def test_the_name_of_what_torch_does_not_know():
    class Callable:
        def __call__(self):
            pass

    assert torch_name(Callable()).startswith("<")
    assert torch_name(len) == "builtins.len"
    assert torch_name(torch.Tensor.__init_subclass__)


@pytest.mark.skipif(torch_before("2.13"), reason="torch asks nobody there")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes")
def test_what_a_tensors_own_method_refuses_says_where():
    given = r"torch.Tensor.resize_ with float32\[3\], float32\[2\]\s+fix: pass what it takes"
    with pytest.raises(TypeError, match=given):
        torch.zeros(3).resize_(pg.Variable(torch.ones(2)))

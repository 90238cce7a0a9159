"""What the message says about things of torch's that are not ops."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import torch.overrides

import plugrad as pg
from plugrad import errors
from plugrad.plugins.instead import instead_of_attribute, instead_of_function, torch_name

T = torch.Tensor
ATTRIBUTE = "an attribute of a tensor, not an op"
CHANGE = "a change in place, not an op"
ITSELF = "about the tensor itself, not an op"


@pytest.mark.parametrize(
    ("function", "name", "what", "fix"),
    [
        (T.data.__get__, "torch.Tensor.data.__get__", ATTRIBUTE, "read x.data"),
        (T.grad_fn.__get__, "torch.Tensor.grad_fn.__get__", ATTRIBUTE, "read x.grad_fn"),
        (T.grad.__set__, "torch.Tensor.grad.__set__", ATTRIBUTE, "write x.grad = ..."),
        (T.grad.__delete__, "torch.Tensor.grad.__delete__", ATTRIBUTE, "write del x.grad"),
        (T.is_mkldnn.__get__, "torch.Tensor.is_mkldnn.__get__", ATTRIBUTE, "read x.data.is_mkldnn"),
        (
            torch.autograd.grad,
            "torch.autograd.grad",
            "about graphs, not an op",
            "call plugrad.grad with the same arguments",
        ),
        (
            torch.autograd.backward,
            "torch.autograd.backward",
            "about graphs, not an op",
            "call plugrad.backward with the same arguments",
        ),
        (
            torch.jit.trace,
            "torch.jit._trace.trace",
            "about functions, not an op",
            "pass x.data: it compiles functions of tensors",
        ),
        (
            torch.nn.init.uniform_,
            "torch.nn.init.uniform_",
            CHANGE,
            "pass x.data: it fills a tensor",
        ),
        (
            T.backward,
            "torch.Tensor.backward",
            "a method of Variable, not an op",
            "call x.backward(...)",
        ),
        (torch.numel, "torch.numel", "a method of Variable, not an op", "call x.numel(...)"),
        (T.requires_grad_, "torch.Tensor.requires_grad_", "a method of Variable, not an op",
         "call x.requires_grad_(...)"),
        (T.storage, "torch.Tensor.storage", ITSELF, "call x.data.storage(...)"),
        (T.set_, "torch.Tensor.set_", "a method of Variable, not an op", "call x.set_(...)"),
        (torch.equal, "torch.equal", ITSELF, "call torch.equal(x.data)"),
        (torch.nn.functional.elu_, "torch.nn.functional.elu_", CHANGE, None),
        (T.__len__, "torch.Tensor.__len__", "what Python calls, not an op",
         "call torch.Tensor.__len__(x.data)"),
        (T.__rsub__, "torch.Tensor.__rsub__", "what Python calls, not an op", "write y - x"),
        (T.__ipow__, "torch.Tensor.__ipow__", "what Python calls, not an op", "write x = x ** y"),
    ],
)  # fmt: skip
def test_each_kind_is_told_what_to_write(function, name, what, fix):
    assert torch_name(function) == name
    found = instead_of_function(name)
    assert found[0] == what
    assert fix is None or found[1] == fix
    known = function in pg.registry._torch_functions or function in pg.registry.stand_ins
    if not known:
        with pytest.raises(errors.UnknownTorchFunctionError) as caught:
            pg.registry.torch_function(function)
        assert str(caught.value).startswith(f"{name} cannot take a Variable: it is {what}\n")
        assert f"where: a call of {name}\n  fix: {found[1]}" in str(caught.value)


HARDTANH = (
    "write a Function for torch.nn.functional.hardtanh with @plugrad.op(..., "
    "overrides=(torch.nn.functional.hardtanh,)) and registry.add it, then "
    "x = torch.nn.functional.hardtanh(x, ...)"
)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("twinless_", "write x = x.twinless(...)"),
        (
            "no_such_twin_",
            "call torch.no_such_twin_(x.data, ...), which leaves no trace in a graph",
        ),
        ("cauchy_", "call x.data.cauchy_(...), which leaves no trace in a graph"),
        ("nn.functional.hardtanh_", HARDTANH),
    ],
)
def test_a_change_in_place(name, fix, monkeypatch):
    monkeypatch.setattr(pg.Variable, "twinless", lambda x: x, raising=False)
    if hasattr(pg.Variable, "hardtanh") and "hardtanh" in name:
        fix = "write x = x.hardtanh(...)"
    if hasattr(pg.Variable, name):
        pytest.skip("a Variable has it by now")
    assert instead_of_function(f"torch.{name}") == (CHANGE, fix)


def functions():
    for found in torch.overrides.get_overridable_functions().values():
        yield from found


def test_nobody_is_told_to_write_a_function_for_what_is_not_an_op():
    """Of all that torch would ask about, only what gives a tensor is left."""
    left = {name for f in functions() if instead_of_function(name := torch_name(f)) is None}
    assert len(left) > 300
    assert not [name for name in left if re.search(r"(\._?_\w+__|_)$", name)]
    assert not left & {"torch.Tensor.register_hook", "torch.equal", "torch.Tensor.storage"}
    assert {"torch.erfinv", "torch.linalg.svd", "torch.Tensor.unique"} <= left


def test_of_a_tensors_attributes_too():
    for name in dir(torch.Tensor):
        attribute = getattr(torch.Tensor, name, None)
        if name.endswith("_") or not callable(attribute):
            assert name.startswith("_") or instead_of_attribute(name) is not None, name
    assert instead_of_attribute("sinn") is instead_of_attribute("unique") is None


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        ("is_mkldnn", ATTRIBUTE, "read x.data.is_mkldnn"),
        ("untyped_storage", ITSELF, "call x.data.untyped_storage(...)"),
        ("resize_", ITSELF, "call x.data.resize_(...)"),
        ("is_same_size", ITSELF, "call x.data.is_same_size(...)"),
    ],
)
def test_a_missing_attribute(name, what, fix):
    x = pg.Variable(torch.ones(2))
    if hasattr(x, name):
        pytest.skip("a Variable has it by now")
    with pytest.raises(errors.UnknownOpError) as caught:
        getattr(x, name)
    assert str(caught.value) == f"a Variable has no {name!r}: it is {what}\n  fix: {fix}"


def test_what_is_told_works_when_it_is_typed():
    data = torch.tensor([1.0, 4.0])
    x = pg.Variable(data.clone(), requires_grad=True)
    y = pg.Variable(data.clone())
    assert x.data.is_mkldnn is False
    assert x.data.untyped_storage().nbytes() == 8
    assert torch.equal(x.data, y.data)
    assert torch.Tensor.__len__(x.data) == 2
    np.testing.assert_array_equal(torch.Tensor.__array__(x.data), [1.0, 4.0])
    assert (y - x).data.tolist() == [0.0, 0.0]
    z = x.exp()
    assert torch.equal(pg.grad(z.sum(), x)[0].data, data.exp())
    torch.nn.init.uniform_(x.data)
    assert x.data.max() < 1
    x.data.cauchy_()
    assert x.requires_grad


def test_the_name_of_what_torch_does_not_know():
    class Callable:
        def __call__(self):
            pass

    assert torch_name(Callable()).startswith("<")
    assert torch_name(len) == "builtins.len"
    assert torch_name(torch.Tensor.__init_subclass__)

"""Who is told that a Variable is a torch.Tensor: Python's isinstance; never C, nor the engine."""

from __future__ import annotations

import builtins
from importlib import import_module
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

import plugrad as pg
from plugrad.core.installed_torch import torch_before
from plugrad.errors import UnknownTorchFunctionError
from plugrad.tests.python_process import python

MAKERS = [
    lambda: pg.Variable(torch.ones(2), requires_grad=True),
    lambda: pg.Parameter(torch.ones(2)),
    lambda: pg.Variable(torch.ones(2), requires_grad=True) * 2,
]


@pytest.fixture(params=MAKERS, ids=["leaf", "parameter", "computed"])
def v(request):
    return request.param()


class Holder:
    torch = torch
    tensor = torch.ones(1)

    def __init__(self, kind=Tensor):
        self.kind = kind


def match_case(x):
    match x:
        case int():
            return "int"
        case torch.Tensor():
            return "tensor"
    return "neither"


WAYS = {
    "attribute": lambda x, h: isinstance(x, torch.Tensor),
    "name": lambda x, h: isinstance(x, Tensor),
    "base": lambda x, h: isinstance(x, torch._C.TensorBase),
    "tuple": lambda x, h: isinstance(x, (int, torch.Tensor)),
    "nested tuple": lambda x, h: isinstance(x, (int, (str, Tensor))),
    "union": lambda x, h: isinstance(x, Tensor | int),
    "of self": lambda x, h: isinstance(x, h.torch.Tensor),
    "variable kind": lambda x, h: isinstance(x, h.kind),
    "type of another": lambda x, h: isinstance(x, type(h.tensor)),
    "type of another in a tuple": lambda x, h: isinstance(x, (int, type(h.tensor))),
    "first is an attribute": lambda x, h: isinstance(SimpleNamespace(x=x).x, Tensor),
    "first is an index": lambda x, h: isinstance([x][0], Tensor),
    "first is a call": lambda x, h: isinstance(x.sin(), Tensor),
    "first is a call with keywords": lambda x, h: isinstance(x.sum(dim=0), Tensor),
    "first is arithmetic": lambda x, h: isinstance(-x * 2 + 1, Tensor),
    "first is a dictionary's": lambda x, h: isinstance({"x": x}["x"], Tensor),
    "generator": lambda x, h: all(isinstance(each, Tensor) for each in [x, x]),
    "comprehension": lambda x, h: [isinstance(each, Tensor) for each in [x]] == [True],
    "negated": lambda x, h: bool(isinstance(x, Tensor)),
    "short circuit": lambda x, h: bool(h) and isinstance(x, Tensor) and isinstance(x, h.kind),
    "in a conditional": lambda x, h: bool(isinstance(x, Tensor)),
    "is_tensor": lambda x, h: torch.is_tensor(x),
    "autograd.Variable": lambda x, h: isinstance(x, torch.autograd.Variable),
}


@pytest.mark.parametrize("way", WAYS)
def test_isinstance_in_python_says_tensor(v, way):
    assert WAYS[way](v, Holder()) is True


def test_a_class_in_a_local_variable_may_change(v):
    assert [isinstance(v, kind) for kind in (Tensor, int, Tensor, str)] == [
        True,
        False,
        True,
        False,
    ]


def test_a_global_may_change(v):
    space = {"T": Tensor}
    exec("def asks(x): return isinstance(x, T)", space)
    assert space["asks"](v)
    space["T"] = int
    assert not space["asks"](v)
    space["isinstance"] = lambda x, kind: "mine"
    assert space["asks"](v) == "mine"


def test_module_level_code_and_eval(v):
    space = {"v": v, "torch": torch}
    exec("told = isinstance(v, torch.Tensor)", space)
    assert space["told"]
    assert eval("isinstance(v, torch.Tensor)", space)


def test_assert_close_compares_with_tensors(v):
    expected = v.data.clone()
    torch.testing.assert_close(v, expected)
    torch.testing.assert_close(expected, v)
    with pytest.raises(AssertionError, match="not close"):
        torch.testing.assert_close(v, expected + 1)


def test_a_name_that_is_not_the_builtin_type(v):
    def type(value):
        return int

    assert not isinstance(v, type(Holder.tensor))


def test_a_match_statement(v):
    assert match_case(v) == "tensor"
    assert match_case("x") == "neither"


def test_parameters_only_are_parameters():
    assert isinstance(pg.Parameter(torch.ones(2)), nn.Parameter)
    assert isinstance(pg.Parameter(torch.ones(2)), (int, nn.Parameter))
    assert not isinstance(pg.Variable(torch.ones(2)), nn.Parameter)
    assert not isinstance(pg.Parameter(torch.ones(2)), nn.Buffer)
    assert not isinstance(pg.Parameter(torch.ones(2)), nn.UninitializedParameter)


def test_other_classes_are_answered_as_ever(v):
    assert isinstance(v, pg.Variable)
    assert not isinstance(v, (int, list, dict))
    assert not isinstance(v, (torch.FloatTensor, torch.Tensor))  # the first is asked in C
    assert not isinstance(v, torch.FloatTensor)


def test_its_class_is_what_it_is(v):
    assert v.__class__ is type(v)
    assert type(v) is not Tensor
    assert not issubclass(type(v), Tensor)
    kinds = [v]
    assert list(map(isinstance, kinds, [Tensor])) == [False]  # no bytecode asks
    assert builtins.isinstance(v, Tensor) is False  # not by the name, so in doubt not


def test_the_engine_and_torchs_private_modules_are_not_told(v):
    for name in ("plugrad.core.call", "plugrad.ops.indexing.cat", "torch._dynamo.guards"):
        space = {"__name__": name, "torch": torch}
        exec("def asks(x): return isinstance(x, torch.Tensor)", space)
        assert not space["asks"](v)


IN_C = """
import torch, plugrad as pg
from torch.utils.dlpack import to_dlpack
p = pg.Parameter(torch.ones(3))
calls = [
    lambda: isinstance(p, torch.FloatTensor), lambda: isinstance(p, torch.DoubleTensor),
    lambda: torch._C._nn.gelu(p), lambda: to_dlpack(p), lambda: torch._C._to_dlpack(p),
    lambda: torch._C._storage_Use_Count(p), lambda: torch._C._functorch.get_unwrapped(p),
    lambda: torch._C._functorch._add_batch_dim(p, 0, 1), lambda: torch._C._is_alias_of(p, p),
    lambda: torch._C._autograd._make_saved_tensor(p, False), lambda: torch.Tensor(p),
    lambda: torch._C._jit_tree_views, lambda: torch._C._tensor_impl_raw_handle(p),
    lambda: torch._C._group_tensors_by_device_and_dtype([[p]], True),
    lambda: torch.Tensor._make_subclass(torch.nn.Parameter, p), lambda: p._data.copy_(p.detach()),
    lambda: torch._C._swap_tensor_impl(p, p), lambda: torch._C._view_func(p),
    lambda: torch.utils.weak.TensorWeakRef(p), lambda: torch._foreach_neg([p]),
]
for call in calls:
    try:
        call()
    except Exception:
        pass
class Kept(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): ctx.save_for_backward(p); return x * 2
    @staticmethod
    def backward(ctx, g): return g
try:
    Kept.apply(torch.ones(3, requires_grad=True))
except TypeError as error:
    print("alive:", error)
print(p.sum())
"""


@pytest.mark.parametrize("adopt", ["1", "0"])
def test_what_is_written_in_c_does_not_crash(adopt):
    import os

    run = python("-W", "ignore", "-c", IN_C, env={**os.environ, "PLUGRAD_ADOPT": adopt})
    assert run.returncode == 0, run.stderr
    assert "alive:" in run.stdout
    assert "Variable(3., grad_fn=<Sum>)" in run.stdout


def _higher_order(name):
    return getattr(import_module(f"torch._higher_order_ops.{name}"), name)


TRANSFORMS = {
    "vmap": lambda x: torch.vmap(torch.sin)(x),
    "grad": lambda x: torch.func.grad(torch.sum)(x),
    "jacrev": lambda x: torch.func.jacrev(torch.sin)(x),
    "jacfwd": lambda x: torch.func.jacfwd(torch.sin)(x),
    "hessian": lambda x: torch.func.hessian(torch.sum)(x),
    "vjp": lambda x: torch.func.vjp(torch.sin, x),
    "jvp": lambda x: torch.func.jvp(torch.sin, (x,), (x,)),
    "trace": lambda x: torch.jit.trace(torch.sin, x),
    "cond": lambda x: torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,)),
    "map": lambda x: _higher_order("map")(torch.sin, x),
    "scan": lambda x: _higher_order("scan")(lambda c, x: (c + x, c * x), torch.zeros(()), x),
    "associative_scan": lambda x: _higher_order("associative_scan")(
        torch.add, x, 0, combine_mode="generic"
    ),
    "while_loop": lambda x: _higher_order("while_loop")(lambda x: x[0] < 9, lambda x: x + 1, (x,)),
    "script": lambda x: torch.jit.script(pg.interop.convert(nn.Linear(2, 2))),
}
if torch_before("2.13"):  # where it is compiled, and asks otherwise
    del TRANSFORMS["associative_scan"]


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_what_transforms_functions_of_tensors_says_so(transform):
    x = pg.Variable(torch.ones(2), requires_grad=True)
    with pytest.raises(UnknownTorchFunctionError, match=r"cannot take a\s+Variable[^$]*fix: "):
        TRANSFORMS[transform](x)


@pytest.mark.parametrize("maker", MAKERS[:2], ids=["leaf", "parameter"])
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_function_runs_on_variables(maker):
    x = maker()
    torch._dynamo.reset()
    try:
        y = torch.compile(lambda x: (x.sin() * 2).sum(), backend="eager")(x)
    finally:
        torch._dynamo.reset()
    y.backward()
    assert torch.allclose(x.grad.data, 2 * x.data.cos())


def test_torch_jits_isinstance_is_told_too():
    v = pg.Variable(torch.ones(2), requires_grad=True)
    ask = torch.jit.isinstance
    assert ask(v, torch.Tensor)
    assert ask([v, torch.ones(1)], list[torch.Tensor])
    assert ask({"a": v}, dict[str, torch.Tensor])
    assert not ask([v, 1], list[torch.Tensor])

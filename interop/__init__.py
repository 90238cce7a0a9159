"""Lets torch's own code work on Variables: its Functions, and the functions of its autograd."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.autograd import set_detect_anomaly

from plugrad.core.anomaly import detect_anomaly
from plugrad.core.engine import backward
from plugrad.core.graph import get_gradient_edge
from plugrad.core.ports import ports_below
from plugrad.core.variable import Variable
from plugrad.core.written import entered_as, nodes_of, source_of
from plugrad.errors import ForwardModeError
from plugrad.functional import grad
from plugrad.interop.adoption import adopt_torch_functions
from plugrad.interop.fallback import fall_back
from plugrad.interop.foreach import group_variables
from plugrad.interop.from_torch import from_torch
from plugrad.interop.lobpcg import lobpcg
from plugrad.interop.lp_pool import lp_pools
from plugrad.interop.modules import convert, functional_call, on_variables, revert
from plugrad.interop.to_library import to_library
from plugrad.interop.to_torch import to_torch
from plugrad.plugins.default import registry

__all__ = [
    "adopt_torch_functions",
    "convert",
    "detect_anomaly",
    "from_torch",
    "functional_call",
    "on_variables",
    "revert",
    "set_detect_anomaly",
    "to_library",
    "to_torch",
]


def _grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,  # noqa: ARG001 (torch ignores it, too)
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """``torch.autograd.grad`` on Variables; the gradient of a tensor is a tensor if it can be."""
    if not is_grads_batched and _only_torch_knows(outputs, inputs):
        outputs, grad_outputs = _as_one_root(outputs, grad_outputs)
        return torch.autograd.grad(
            _as_sources(outputs),
            inputs,
            _as_sources(grad_outputs),
            retain_graph,
            create_graph,
            allow_unused=allow_unused,
            materialize_grads=materialize_grads,
        )
    found = grad(
        outputs,
        inputs,
        grad_outputs,
        retain_graph,
        create_graph,
        allow_unused,
        materialize_grads,
        is_grads_batched,
    )
    if isinstance(inputs, dict):
        return found
    several = inputs if isinstance(inputs, list | tuple) else (inputs,)
    if type(inputs) is not Tensor and Tensor not in map(type, several):  # nearly always
        return found
    return tuple(
        [
            g._data if type(x) is Tensor and g is not None and not g.requires_grad else g
            for x, g in zip(several, found, strict=True)
        ]
    )


def _only_torch_knows(outputs: Any, inputs: Any) -> bool:
    """Whether all inputs are tensors, and one is from where torch computed what met Variables."""
    several = inputs if isinstance(inputs, list | tuple) else (inputs,)
    if not all(type(x) is Tensor for x in several):
        return False
    within = [x.grad_fn for x in several if x.grad_fn is not None and entered_as(x) is None]
    if not within:
        return False
    ends = outputs if isinstance(outputs, list | tuple) else (outputs,)
    ports = [port for y in ends if isinstance(y, Variable) for port in ports_below(y)]
    return any(node in within for port in ports for node in nodes_of(port))


def _as_one_root(outputs: Any, cotangents: Any) -> tuple[Any, Any]:
    """Several scalars as their sum: one backward of ours, in which each hook runs once."""
    several = isinstance(outputs, list | tuple) and len(outputs) > 1 and cotangents is None
    if not several or any(y.numel() != 1 or y.is_complex() for y in outputs):
        return outputs, cotangents
    with torch.enable_grad():
        return sum(y.sum() for y in outputs), None


def _as_sources(values: Any) -> Any:
    """The Variables among them as tensors of torch's graph, which goes on where ours ends."""
    if isinstance(values, list | tuple):
        return [_as_sources(value) for value in values]
    return source_of(values) if isinstance(values, Variable) else values


def _backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """``torch.autograd.backward`` on Variables."""
    cotangents = grad_variables if grad_tensors is None else grad_tensors
    backward(tensors, cotangents, retain_graph, create_graph, inputs=inputs)


def _refuse_dual(*_: Any, **__: Any) -> NoReturn:
    """What torch.autograd.forward_ad does with a Variable."""
    raise ForwardModeError(
        "torch.autograd.forward_ad cannot take a Variable: its tangents come from torch's own "
        "formulas",
        where="make_dual or unpack_dual of torch.autograd.forward_ad",
        fix="call plugrad.forward_ad's function of the same name, in its dual_level; or, for "
        "torch.func.linearize, plugrad.func.linearize",
    )


#: Operators of tensors: torch's own implementation runs for those that no op claims.
_OPERATORS = (
    "floordiv", "rfloordiv", "ifloordiv", "mod", "rmod", "imod", "lshift", "rlshift", "ilshift",
    "rshift", "rrshift", "irshift", "reversed",
)  # fmt: skip


def _operator(name: str) -> Any:
    function = getattr(torch.Tensor, name)

    def operator(x: Variable, *other: Any) -> Any:
        return registry.torch_function(function)(x, *other)

    operator.__name__ = operator.__qualname__ = name
    return operator


#: Methods that no stand-in is looked up for, as their names begin with an underscore: what torch's
#: optimizers call for gradients that are sparse, and what its checks of values call.
_PRIVATE = ("_indices", "_values", "_nnz", "_dimI", "_dimV", "_is_all_true", "_is_any_true")

for _name in (*[f"__{operator}__" for operator in _OPERATORS], *_PRIVATE):
    if not hasattr(Variable, _name):
        setattr(Variable, _name, _operator(_name))

registry.stand_ins.update(
    {
        torch.autograd.grad: _grad,
        torch.autograd.backward: _backward,
        torch._make_dual: _refuse_dual,
        torch._unpack_dual: _refuse_dual,
        torch.autograd.graph.get_gradient_edge: get_gradient_edge,
        torch.lobpcg: lobpcg,
    }
)
registry.stand_ins.update(lp_pools)


def _tell_opt_einsum() -> None:
    """Name torch's functions for Variables: opt_einsum takes what it does not know for NumPy's."""
    # Where it is installed torch has imported it.
    dispatch = sys.modules.get("opt_einsum.backends.dispatch")
    getattr(dispatch, "_aliases", {})["plugrad"] = "opt_einsum.backends.torch"


registry.fall_back = fall_back
adopt_torch_functions()
_tell_opt_einsum()
group_variables()

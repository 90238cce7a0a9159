"""vjp, jvp, vhp, hvp: Jacobians and Hessians times a vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.functional.basis import pushed
from plugrad.functional.levels import recording, zeros_for
from plugrad.functional.strict import Call, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INDEPENDENT = (
    "The output of the user-provided function is independent of input {i}. This is not allowed in "
    "strict mode."
)
_JACOBIAN = (
    "The jacobian of the user-provided function is independent of input {i}. This is not allowed "
    "in strict mode"
)
_HESSIAN = (
    "The hessian of the user-provided function is independent of input {i}. This is not allowed in "
    "strict mode when create_graph=True."
)
_SINGLE_INPUT = "the input to the user-provided function is a single Tensor with a single element."
_SINGLE_OUTPUT = "the user-provided function returns a single Tensor with a single element."


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """What ``func(*inputs)`` returns, and ``v`` times its Jacobian.

    ``torch.autograd.functional.vjp`` on Variables and tensors.

    Args:
        func: a function that returns a tensor or a tuple of tensors.
        inputs: a tensor, a Variable, or a tuple of them.
        v: one for each output, of its shape; may be left out for an output of one element.
        create_graph: return Variables that can be differentiated, if Variables were given.
        strict: raise if an output does not depend on an input, rather than return zeros.

    Raises:
        TransformError: ``v`` does not fit, or what ``strict`` forbids.
        TransformTypeError: an input or an output is not a tensor.
    """
    with recording():
        call = Call("vjp", func, inputs, v, create_graph, strict)
        given = call.checked_v(v, call.outputs, call.outputs_are_tuple, _SINGLE_OUTPUT)
        found = call.level.gradients(call.outputs, call.inputs, given, call.recorded)
        gradients = _filled(call, found, call.inputs, _INDEPENDENT, _JACOBIAN)
    return (
        call.leave(call.outputs, call.outputs_are_tuple),
        call.leave(gradients, call.inputs_are_tuple),
    )


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """What ``func(*inputs)`` returns, and its Jacobian times ``v``, by forward mode.

    ``torch.autograd.functional.jvp``. ``v`` has one for each input; the rest is as for ``vjp``.
    """
    with recording():
        call = Call("jvp", func, inputs, v, create_graph, strict)
        given = _vector(call, v)
        call.check_dependence(call.outputs, _INDEPENDENT)
        found = pushed(call.outputs, call.inputs, given, _recorded(call, given))
        trick = (
            "The gradient with respect to the input is independent of entry {i} in the "
            "grad_outputs. This is not allowed in strict mode."
        )
        tangents = _filled(call, found, call.outputs, trick, _JACOBIAN)
    return (
        call.leave(call.outputs, call.outputs_are_tuple),
        call.leave(tangents, call.outputs_are_tuple),
    )


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """What ``func(*inputs)`` returns, and ``v`` times its Hessian: backward of the gradient.

    ``torch.autograd.functional.vhp``. ``func`` returns one number; ``v`` has one for each input.
    """
    with recording():
        call, gradients, given = _gradients("vhp", func, inputs, v, create_graph, strict)
        recorded = _recorded(call, given)
        found = call.level.gradients(gradients, call.inputs, given, recorded)
        products = _filled(call, found, call.inputs, f"{_JACOBIAN}.", _HESSIAN)
    return call.leave(call.outputs, False), call.leave(products, call.inputs_are_tuple)


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """What ``func(*inputs)`` returns, and its Hessian times ``v``: forward mode over the gradient.

    ``torch.autograd.functional.hvp``; as ``vhp``, which is faster where a graph of backward is.
    """
    with recording():
        call, gradients, given = _gradients("hvp", func, inputs, v, create_graph, strict)
        call.check_dependence(gradients, f"{_JACOBIAN}.")
        found = pushed(gradients, call.inputs, given, _recorded(call, given))
        products = _filled(call, found, call.inputs, f"{_JACOBIAN}.", _HESSIAN)
    return call.leave(call.outputs, False), call.leave(products, call.inputs_are_tuple)


def _gradients(
    name: str, func: Callable[..., Any], inputs: Any, v: Any, create_graph: bool, strict: bool
) -> tuple[Call, list[Any], list[Any]]:
    """The recorded gradient of a function that returns one number."""
    call = Call(name, func, inputs, v, create_graph, strict)
    given = _vector(call, v)
    call.refuse_tuple_or_many()
    found = call.level.gradients(call.outputs, call.inputs, [None], True)
    if strict:
        call.check_dependence(call.outputs, _INDEPENDENT)
        call.check_gradient(found)
    return call, found, given


def _vector(call: Call, v: Any) -> list[Any]:
    given = call.checked_v(v, call.inputs, call.inputs_are_tuple, _SINGLE_INPUT)
    return [torch.ones_like(call.inputs[0]._data)] if given == [None] else given


def _recorded(call: Call, given: Sequence[Any]) -> bool:
    return call.create_graph and (call.strict or call.level.is_recorded((*call.outputs, *given)))


def _filled(
    call: Call, found: Sequence[Any], like: Sequence[Any], missing: str, constant: str
) -> list[Any]:
    """``found`` with zeros for None; in strict mode neither None nor a constant is allowed."""
    if call.strict:
        for i, each in enumerate(found):
            if each is None:
                refuse(call.name, missing.format(i=i))
        if call.create_graph:
            ending = "" if constant.endswith(".") else " when create_graph=True."
            call.check_graph(found, constant + ending)
    return zeros_for(found, like)

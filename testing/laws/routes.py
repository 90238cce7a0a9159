"""Routes: the ways to call an op, and the kind of value that each returns."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.variable import Variable
from plugrad.plugins.default import registry
from plugrad.testing.call import flat
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.forward import compare_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.testing.case import Case


@LAWS.law("variables", "forward", engines=("plugrad",))
def variables(case: Case) -> None:
    """Variables in, Variables out, whether the call is recorded or not; tensors in, tensors out.

    The containers are the same each time. A bare tensor does not have the ops' methods, and
    what is computed from it afterwards silently has no gradient.
    """
    if not case.inputs:
        raise NotApplicable("no argument is a tensor")
    ours = case.wanted or range(len(case.inputs))
    expected = None
    for how, (made, recording) in _WAYS.items():
        given = [made(t) if i in ours else t for i, t in enumerate(case.values)]
        args, kwargs = case.arguments(given)
        with torch.set_grad_enabled(recording), case.random_numbers():
            output = case.op.apply(*args, **kwargs)
        wanted = Tensor if made is _as_it_is else Variable
        for number, part in enumerate(flat(output)):
            if isinstance(part, Tensor | Variable) and not isinstance(part, wanted):
                raise Violation(
                    f"output {number} is a {type(part).__name__} {how}, not a {wanted.__name__}"
                )
            if not recording and isinstance(part, Variable) and _is_tracked(part, given):
                raise Violation(f"output {number} requires grad {how}")
        form = _form(output)
        if expected not in (None, form):
            raise Violation(f"{how} the outputs are {form}, but {expected} of a recorded call")
        expected = form


def _is_tracked(output: Variable, given: Sequence[Any]) -> bool:
    """Whether it requires grad, and is neither an input nor, as torch has it, a view of one."""
    if any(output is value for value in given) or not output.requires_grad:
        return False
    inputs = (value.data for value in given if isinstance(value, Variable))
    memory = output.data.untyped_storage()._cdata
    shared = any(memory == tensor.untyped_storage()._cdata for tensor in inputs)
    return output.grad_fn is not None or not shared


def _as_it_is(tensor: Tensor) -> Any:
    return tensor


def _tracked(tensor: Tensor) -> Any:
    floating = tensor.is_floating_point() or tensor.is_complex()
    return Variable(tensor, requires_grad=floating)


_WAYS: dict[str, tuple[Callable[[Tensor], Any], bool]] = {
    "of a recorded call": (_tracked, True),
    "in no_grad()": (_tracked, False),
    "of Variables that do not require grad": (Variable, True),
    "of tensors": (_as_it_is, True),
}


def _form(output: Any) -> str:
    """The containers of an output, and what is in them."""
    if isinstance(output, tuple | list):
        return f"{type(output).__name__}({', '.join(map(_form, output))})"
    return "tensor" if isinstance(output, Tensor | Variable) else type(output).__name__


@LAWS.law("routes", "forward", engines=("plugrad",))
def routes(case: Case) -> None:
    """Function, method, operator and torch's own function are one op.

    All give the same value for the same arguments, and a node of this op.
    """
    entry = case.op.entry
    if entry is None:
        raise NotApplicable("the op is not registered: apply is the only way to call it")
    if not case.inputs:
        raise NotApplicable("no argument is a tensor")
    expected = case.call()
    for route, apply in _other_routes(case):
        try:
            call = case.call(apply=apply)
        except TypeError:
            if route.startswith("torch's ") and _torch_refuses(case):
                continue
            raise
        message = f"{route} gives another result than apply"
        compare_outputs(expected.tensors, call.tensors, 0.0, message)
        if (expected.node is None) != (call.node is None):
            raise Violation(f"{route} leads to {call.outputs[0].grad_fn!r}, not to this op")
    if not list(_other_routes(case)):
        raise NotApplicable("apply is the only way to call it with these arguments")


def _other_routes(case: Case) -> list[tuple[str, Callable[..., Any]]]:
    entry = case.op.entry
    assert entry is not None
    found: list[tuple[str, Callable[..., Any]]] = []
    if entry.overrides and not registry.rivals(entry.overrides[0]):
        # Only the first is called as the op is: it is the reference.
        name = getattr(entry.overrides[0], "__name__", "?")
        found.append((f"torch's {name}", _with_a_variable(entry.overrides[0])))
    first = case.arguments(case.values)[0][:1]
    if first and isinstance(first[0], Tensor):
        own = [name for name in entry.attributes if not registry.rivals(name)]
        methods = [name for name in own if name in entry.methods]
        found += [(f"x.{m}(...)", _method(m)) for m in methods if _plain(m)]
        found += [(f"x.{p}", _property(p)) for p in own if p in entry.declaration.properties]
        if entry.rank == 2:  # this one always works
            found.append((f"x.{entry.path}(...)", _method(entry.path)))
        args, kwargs = case.arguments(case.values)
        if not kwargs:
            both = len(args) == 2 and isinstance(args[1], Tensor)
            dunders = [m for m in methods if not _plain(m)]
            found += [(m, _method(m)) for m in dunders if both or not _reflected(m)]
    return found


def _torch_refuses(case: Case) -> bool:
    """Whether torch's function refuses such arguments even as tensors."""
    assert case.op.entry is not None
    args, kwargs = case.arguments(case.values)
    try:
        with case.random_numbers():
            case.op.entry.overrides[0](*args, **kwargs)
    except TypeError:
        return True
    return False


def _plain(method: str) -> bool:
    return not method.startswith("__")


def _with_a_variable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Torch's function, which finds the op only by a Variable."""

    def call(*args: Any, **kwargs: Any) -> Any:
        flat_values = [*flat(list(args)), *flat(list(kwargs.values()))]
        if not any(isinstance(v, Variable) for v in flat_values):
            args = tuple(_as_variable(a) for a in args)
        return function(*args, **kwargs)

    return call


def _as_variable(value: Any) -> Any:
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return type(value)([_as_variable(v) for v in value])
    return Variable(value) if isinstance(value, Tensor) else value


def _method(name: str) -> Callable[..., Any]:
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        if not _reflected(name):
            return attrgetter(name)(_as_variable(x))(*args, **kwargs)
        return getattr(_as_variable(args[0]), name)(x)  # a reflected operator: y.__radd__(x)

    return call


def _reflected(name: str) -> bool:
    return name.startswith("__r") and name != "__rshift__"


def _property(name: str) -> Callable[..., Any]:
    return lambda x: getattr(_as_variable(x), name)

"""to_library: an op as an operator of torch's dispatcher, for torch.compile and torch.export."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from plugrad.core.function import Composite
from plugrad.errors import SchemaError
from plugrad.interop.to_torch import Call, Vjp, class_of, identifier, lifted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.core.function import Function
    from plugrad.plugins.registered_op import RegisteredOp

#: What torch's schemas call the types that forwards are annotated with.
_TYPES = {
    "Tensor": "Tensor",
    "int": "SymInt",
    "float": "float",
    "complex": "Scalar",  # any number
    "bool": "bool",
    "str": "str",
    "torch.dtype": "ScalarType",
    "torch.device": "Device",
    "Sequence[int]": "SymInt[]",
    "list[int]": "SymInt[]",
    "tuple[int, ...]": "SymInt[]",
    "Sequence[bool]": "bool[]",
    "Sequence[Tensor]": "Tensor[]",
    "list[Tensor]": "Tensor[]",
    "tuple[Tensor, ...]": "Tensor[]",
    "Sequence[Tensor | None]": "Tensor?[]",
}

#: If an argument may have several types, the first of these is taken.
_PREFERRED = ("Tensor", "Sequence[int]", "tuple[int, ...]", "list[int]", "int", "complex", "float")

#: A default in a schema.
_DEFAULT = re.compile(r"=(\[[^]]*\]|[^,)]*)")

_made: dict[type[Function], Any] = {}
_names: set[str] = set()


def to_library(op: str | RegisteredOp | type[Function]) -> Any:
    """The custom operator of an op, ``torch.ops.plugrad.<name>``; it is registered once.

    Another op of the same name, such as a class that was written anew, is ``<name>_2``: torch
    keeps what it knows of the first.

    It runs inside ``torch.compile(fullgraph=True)`` and ``torch.export``. It takes the op's
    arguments, by position or name; if an argument may have several types, the schema has
    the most general one (a list of dimensions, a tensor in place of a number), and an
    argument that no schema can express is left out if it has a default. Where the op
    returns a view or its input, a copy is returned. Backward computes forward again, and is
    compiled with the rest.

    Args:
        op: its name (``"special::bessel_j0"``), its entry in a registry, or its class.

    Raises:
        UnknownOpError: no op has the name.
        SchemaError: no schema can express one of its arguments, and it has no default.
    """
    function = class_of(op)
    if function not in _made:
        _made[function] = _registered(function)
    return _made[function]


def schema_of(function: type[Function]) -> str:
    """The schema of an op's custom operator: ``(Tensor x, SymInt dim=0) -> Tensor``.

    Raises:
        SchemaError: there is none.
    """
    skip = 0 if issubclass(function, Composite) or function.takes_setup_context() else 1
    signature = inspect.signature(function.forward)
    parts: list[str] = []
    by_name = False
    for parameter in list(signature.parameters.values())[skip:]:
        required = not any("=" in part for part in parts)
        part = _argument(function, parameter, required)
        by_name = by_name or parameter.kind is parameter.KEYWORD_ONLY
        if by_name and part is not None and part.startswith("Tensor"):
            part = None  # no tensor of an operator that has gradients may be keyword-only
        if part is None:
            by_name = True  # what comes after would be in another's place
            if parameter.default is parameter.empty:
                raise _no_type(function, parameter)
        else:
            parts += ["*", part] if by_name and "*" not in parts else [part]
    return f"({', '.join(parts)}) -> {_returns(function, signature.return_annotation)}"


def _argument(
    function: type[Function], parameter: inspect.Parameter, may_be_required: bool
) -> str | None:
    """An argument in the schema; None if it is left out."""
    name, default = parameter.name, parameter.default
    kind = _type(function, parameter)
    if kind is None:
        return None
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"{kind} {name}=[]"
    if default is parameter.empty:
        return f"{kind} {name}"
    if default is None:
        return f"{kind.removesuffix('?')}? {name}=None"
    if isinstance(default, tuple | list):
        kind = kind.removesuffix("?").replace("[1]", "[]")  # which have no default list
    written = _written(default, kind)
    if written is not None:
        return f"{kind} {name}={written}"
    return f"{kind} {name}" if may_be_required else None


def _no_type(function: type[Function], parameter: inspect.Parameter) -> SchemaError:
    return SchemaError(
        f"no torch schema can express the argument {parameter.name!r} of "
        f"{function.signature.op_name}, {parameter.annotation}",
        where=f"forward of {function.signature.op_name}",
        fix="annotate it with Tensor, int, float, bool, str, Sequence[int] or "
        "Sequence[Tensor]; or use plugrad.interop.to_torch",
    )


def _type(function: type[Function], parameter: inspect.Parameter) -> str | None:
    if parameter.annotation is parameter.empty:
        required = parameter.default is parameter.empty
        return "Tensor" if required and parameter.kind is not parameter.VAR_POSITIONAL else None
    known_as = getattr(function.forward, "__globals__", {})
    alternatives: list[str] = []
    for name in map(str.strip, _alternatives(_spelled(parameter.annotation))):
        meant = known_as.get(name)  # an alias, perhaps: Dim = int | tuple[int, ...]
        alias = meant is not None and not isinstance(meant, type)
        alternatives += map(str.strip, _alternatives(_spelled(meant) if alias else name))
    if parameter.kind is parameter.VAR_POSITIONAL:
        return {"int": "SymInt[]", "Tensor": "Tensor[]"}.get(alternatives[0])
    known = [a for a in (*_PREFERRED, *alternatives) if a in alternatives and a in _TYPES]
    if not known:
        return None
    if isinstance(parameter.default, tuple | list):  # sizes, or a word for them
        known = [a for a in known if _TYPES[a] == "SymInt[]"] or known
    kind = _TYPES[known[0]]
    if kind == "SymInt[]" and parameter.name in ("dim", "dims"):
        kind = "int[1]"  # a list, or one integer, which means the same
    return kind + ("?" if "None" in alternatives else "")


def _spelled(annotation: Any) -> str:
    """A type as it is written in a module with ``from __future__ import annotations``."""
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        module = "torch." if annotation.__module__ == "torch" else ""
        return f"{module}{annotation.__name__}".replace("torch.Tensor", "Tensor")
    text = str(annotation).replace("torch.Tensor", "Tensor").replace("typing.", "")
    return text.replace("collections.abc.", "")


def _alternatives(annotation: str) -> list[str]:
    """The types of a union, of which each may have brackets with unions inside."""
    parts, depth = [""], 0
    for letter in annotation:
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _written(default: Any, kind: str) -> str | None:
    """A default as a schema has it; None if it cannot be written."""
    if isinstance(default, bool | int | float) and not kind.startswith(("Tensor", "str")):
        return str(default)
    if isinstance(default, str) and kind.startswith("str"):
        return f'"{default}"'
    if isinstance(default, tuple | list) and all(isinstance(v, int) for v in default):
        return f"[{', '.join(map(str, default))}]"
    return None


def _returns(function: type[Function], annotation: Any) -> str:
    text = "Tensor" if annotation is inspect.Parameter.empty else _spelled(annotation)
    text = text.replace(" | Variable", "")
    if text in ("Tensor", "tuple[Tensor, ...]", "list[Tensor]"):
        return _TYPES[text]
    inside = text.removeprefix("tuple[").removesuffix("]").split(", ")
    if text.startswith("tuple[") and set(inside) == {"Tensor"}:
        return f"({', '.join(inside)})"
    raise SchemaError(
        f"no torch schema can express what {function.signature.op_name} returns, {text}",
        where=f"forward of {function.signature.op_name}",
        fix="annotate it with Tensor or tuple[Tensor, Tensor]; or use plugrad.interop.to_torch",
    )


def _registered(function: type[Function]) -> Any:
    declaration, op_name = function.declaration, function.signature.op_name
    if declaration is not None and declaration.random:
        raise SchemaError(
            f"{op_name} draws random numbers, and backward, which computes forward again, could "
            "not draw the same",
            where=f"registering plugrad::{identifier(op_name)}",
            fix="use plugrad.interop.to_torch",
        )
    schema = schema_of(function)
    apply, listed = _with_lists(function), schema.endswith("[]")

    def compute(*args: Any, **kwargs: Any) -> Any:
        output = apply(*args, **kwargs)
        inputs = [v for v in pytree.tree_leaves((args, kwargs)) if isinstance(v, Tensor)]
        if isinstance(output, Tensor):
            return _apart(output, inputs)
        outputs = [_apart(t, inputs) for t in output]
        return outputs if listed else tuple(outputs)

    name = f"plugrad::{_free_name(identifier(op_name))}"
    made = torch.library.custom_op(name, compute, mutates_args=(), schema=schema)
    made.register_fake(compute)
    if declaration is not None and not declaration.differentiable:
        made.register_autograd(lambda *_: None, setup_context=_constant)
    else:
        _differentiate(made, _vjp_operator(name, apply, schema), apply)
    return made


def _free_name(wanted: str) -> str:
    name, number = wanted, 2
    while name in _names:
        name, number = f"{wanted}_{number}", number + 1
    _names.add(name)
    return name


def _constant(
    ctx: Any,
    inputs: Any,  # noqa: ARG001 (torch passes it by name)
    output: Any,
    keyword_only_inputs: Any = None,  # noqa: ARG001
) -> None:
    ctx.mark_non_differentiable(*[t for t in pytree.tree_leaves(output) if isinstance(t, Tensor)])


def _with_lists(function: type[Function]) -> Callable[..., Any]:
    """What calls an op whose ``*sizes``, if it has such, are given as one list."""
    apply, count = function.apply, len(function.signature.positional)
    if not function.signature.variadic:
        return apply
    return lambda *args, **options: apply(
        *args[:count], *(args[count] if len(args) > count else ()), **options
    )


def _apart(output: Tensor, inputs: list[Tensor]) -> Tensor:
    """The output; a copy of it if it shares memory with an input, which no operator may return."""
    memory = output.untyped_storage()._cdata
    return output.clone() if any(memory == t.untyped_storage()._cdata for t in inputs) else output


# --- gradients -----------------------------------------------------------------------


def _vjp_operator(name: str, apply: Callable[..., Any], schema: str) -> Any:
    """The operator that computes the gradients of another.

    It takes the arguments of that one, the gradients of its outputs, and which gradients
    are wanted. Compilers see one operator, whatever the rule does.
    """
    arguments = _DEFAULT.sub("", schema.partition(") -> ")[0].removeprefix("("))
    positional, _, options = arguments.partition("*, ")
    added = f"{positional.removesuffix(', ')}, Tensor?[] gradients_, bool[] wanted_"
    whole = f"({added}, *, {options})" if options else f"({added})"

    def compute(*inputs: Any, **options: Any) -> list[Tensor]:
        vjp, tensors = _vjp(apply, inputs, options)
        found = lifted(vjp, *tensors)
        return [_apart(g.contiguous(), tensors) for g in found]

    def fake(*inputs: Any, **options: Any) -> list[Tensor]:
        vjp, tensors = _vjp(apply, inputs, options)
        return [t.new_empty(t.shape) for t, w in zip(tensors, vjp.wanted, strict=False) if w]

    made = torch.library.custom_op(
        f"{name}_vjp", compute, mutates_args=(), schema=f"{whole} -> Tensor[]"
    )
    made.register_fake(fake)

    def keep(ctx: Any, inputs: tuple[Any, ...], options: dict[str, Any], _: Any) -> None:
        ctx.vjp, tensors = _vjp(apply, inputs, options)
        ctx.save_for_backward(*tensors)
        ctx.places = _places(inputs)

    def backward(ctx: Any, gradients: Sequence[Any]) -> Any:
        wanted = _flat_needs(ctx)
        given = [i for i, g in enumerate(gradients) if g is not None]
        vjp = Vjp(ctx.vjp, wanted, given)
        found = lifted(vjp, *ctx.saved_tensors, *[gradients[i] for i in given])
        return _scattered(found, wanted, ctx.places)

    _register_autograd(made, keep, backward, bool(options))
    return made


def _differentiate(made: Any, vjp: Any, apply: Callable[..., Any]) -> None:
    """Let the gradients of an operator be another's results."""
    arguments = made._opoverload._schema.arguments
    positional = [a for a in arguments if not a.kwarg_only]

    def keep(ctx: Any, inputs: tuple[Any, ...], options: dict[str, Any], _: Any) -> None:
        call = Call(apply, inputs, {}, random=False)
        ctx.save_for_backward(*call.tensors)
        call.tensors = []
        ctx.call, ctx.options, ctx.places = call, options, _places(inputs)

    def backward(ctx: Any, *gradients: Any) -> Any:
        wanted = _flat_needs(ctx)
        inputs = ctx.call.arguments(ctx.saved_tensors)
        found = vjp(*inputs, pytree.tree_leaves(gradients), wanted, **ctx.options)
        # torch wants no gradient of arguments that were left out.
        return _scattered(found, wanted, ctx.places)[: len(ctx.needs_input_grad)]

    _register_autograd(made, keep, backward, len(positional) < len(arguments))


def _register_autograd(
    made: Any, keep: Callable[..., Any], backward: Callable[..., Any], has_options: bool
) -> None:
    def keep_inputs(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        keep(ctx, inputs, {}, output)

    def keep_all(
        ctx: Any, inputs: tuple[Any, ...], keyword_only_inputs: dict[str, Any], output: Any
    ) -> None:
        keep(ctx, inputs, keyword_only_inputs, output)

    made.register_autograd(backward, setup_context=keep_all if has_options else keep_inputs)


def _vjp(
    apply: Callable[..., Any], inputs: Sequence[Any], options: dict[str, Any]
) -> tuple[Vjp, list[Tensor]]:
    """The vjp of a call that a vjp operator was given, and the tensors that it is a function of."""
    *args, gradients, wanted = inputs
    call = Call(apply, tuple(args), options, random=False)
    given = [i for i, g in enumerate(gradients) if g is not None]
    return Vjp(call, list(wanted), given), [*call.tensors, *[gradients[i] for i in given]]


def _places(inputs: Sequence[Any]) -> list[Any]:
    """For each input whether it is a tensor; of a list, for each of its items."""
    return [
        [isinstance(v, Tensor) for v in given]
        if isinstance(given, list | tuple)
        else isinstance(given, Tensor)
        for given in inputs
    ]


def _flat_needs(ctx: Any) -> list[bool]:
    """Which of the tensors need a gradient."""
    flat: list[bool] = []
    for needed, place in zip(ctx.needs_input_grad, ctx.places, strict=False):
        if isinstance(place, list):
            each = needed if isinstance(needed, list | tuple) else [needed] * len(place)
            flat += [n for n, is_tensor in zip(each, place, strict=True) if is_tensor]
        elif place:
            flat.append(needed)
    return flat


def _scattered(found: Sequence[Any], wanted: list[bool], places: list[Any]) -> tuple[Any, ...]:
    """One gradient an input; a list of them for a list of tensors.

    Where a list also has other items, such as None, torch takes it for one input without gradient.
    """
    gradients = iter(found)
    each = iter([next(gradients) if w else None for w in wanted])

    def of(place: Any) -> Any:
        if not isinstance(place, list):
            return next(each) if place else None
        items = [next(each) if is_tensor else None for is_tensor in place]
        return items if items and all(place) else None

    return tuple([of(place) for place in places])

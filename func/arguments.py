"""argnums and aux: which arguments are differentiated, and what is returned with the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from plugrad.errors import TransformError

if TYPE_CHECKING:
    from collections.abc import Sequence

Argnums = int | tuple[int, ...]


def chosen(args: tuple[Any, ...], argnums: Argnums, name: str) -> Any:
    """The arguments that ``argnums`` names: one, or a tuple of them.

    Raises:
        TransformError: there is no such argument, or one is named twice.
    """
    if isinstance(argnums, int):
        return args[_checked(argnums, args, name)]
    if not isinstance(argnums, tuple):
        _refuse(name, f"argnums must be int or Tuple[int, ...], got: {type(argnums).__name__}")
    if not argnums:
        _refuse(name, "argnums must be non-empty")
    numbers = [_checked(n, args, name) for n in argnums]
    if len(set(numbers)) != len(numbers):
        _refuse(name, f"argnums elements must be unique, got {argnums}")
    return tuple([args[n] for n in numbers])


def replaced(args: tuple[Any, ...], inner: Any, argnums: Argnums) -> list[Any]:
    """``args`` with ``inner`` in the place of what ``chosen`` gave."""
    found = list(args)
    if isinstance(argnums, int):
        found[argnums] = inner
    else:
        for number, value in zip(argnums, inner, strict=True):
            found[number] = value
    return found


def split_aux(name: str, output: Any) -> tuple[Any, Any]:
    """What a function returned with ``has_aux``.

    Raises:
        TransformError: it is not a tuple of two.
    """
    if not (isinstance(output, tuple) and len(output) == 2):
        raise TransformError(
            f"{name}(f)(*args): output of function f should be a tuple: (output, aux) if has_aux "
            "is True",
            where=f"a call of {name}",
            fix="return (output, aux), or leave has_aux out",
        )
    return output


def check_differentiable(name: str, outputs: Sequence[Any]) -> None:
    """Refuse outputs of integers and booleans, which have no gradient.

    Raises:
        TransformError: there is one.
    """
    for output in outputs:
        if not (output.is_floating_point() or output.is_complex()):
            raise TransformError(
                f"{name}(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                f"Tensor with dtype {output.dtype}",
                where=f"a call of {name}",
                fix="return that output as aux, with has_aux=True",
            )


def _checked(number: Any, args: tuple[Any, ...], name: str) -> int:
    if not isinstance(number, int):
        _refuse(name, f"argnum must be int, got: {type(number).__name__}")
    if not -len(args) <= number < len(args):
        _refuse(name, f"Got argnum={number}, but only {len(args)} positional inputs")
    return int(number) % len(args)


def _refuse(name: str, what: str) -> NoReturn:
    raise TransformError(
        what,
        where=f"a call of {name}",
        fix="pass the number of a positional argument, or a tuple of different ones; arguments "
        "passed by name are not differentiated",
    )

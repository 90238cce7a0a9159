"""grad, grad_and_value, vjp, jvp, linearize: the derivative of a function, as a function."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from plugrad.core.variable import Variable
from plugrad.errors import TransformError
from plugrad.func.arguments import check_differentiable, chosen, replaced, split_aux
from plugrad.functional.basis import pushed
from plugrad.functional.levels import Level, flat_variables, recording, zeros_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """The gradient of ``func``, which returns one number, as a function of the same arguments.

    ``torch.func.grad``: it nests to any order, and ``func`` may close over Variables.

    Args:
        func: a function that returns a tensor without dimensions.
        argnums: the arguments to differentiate with respect to; each may be a tensor, a Variable
            or a list, tuple or dict of them.
        has_aux: ``func`` returns ``(output, aux)``, and the result is ``(gradient, aux)``.

    Returns:
        A function whose result has the structure of the argument; a tuple if ``argnums`` is one.
        Given tensors it returns tensors, given Variables Variables, whose graph leads to them.

    Raises:
        TransformError: ``func`` does not return one number, or ``argnums`` does not fit.
    """

    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = _grad_and_value("grad", func, argnums, has_aux, args, kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """As ``grad``, but the result is ``(gradient, output)``, or ``(gradient, (output, aux))``."""

    @wraps(func)
    def gradient_and_value(*args: Any, **kwargs: Any) -> Any:
        return _grad_and_value("grad_and_value", func, argnums, has_aux, args, kwargs)

    return gradient_and_value


def _grad_and_value(
    name: str,
    func: Callable[..., Any],
    argnums: int | tuple[int, ...],
    has_aux: bool,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> tuple[Any, Any]:
    level = Level(name, args, kwargs)
    with recording():
        inner = level.enter(chosen(args, argnums, name))
        output = func(*replaced(args, inner, argnums), **kwargs)
        output, aux = split_aux(name, output) if has_aux else (output, None)
        _check_scalar(name, output)
        flat, spec = tree_flatten(inner)
        found = zeros_for(level.gradients([output], flat, [None]), flat)
    gradients = level.leave(tree_unflatten(found, spec))
    value = level.leave(output)
    return gradients, ((value, level.leave(aux)) if has_aux else value)


def _check_scalar(name: str, output: Any) -> None:
    if not isinstance(output, Tensor | Variable):
        raise TransformError(
            f"{name}(f)(*args): Expected f(*args) to return a Tensor, got {type(output).__name__}",
            where=f"a call of {name}",
            fix="return one tensor of one number; anything else to return is aux: return "
            "(output, aux) with has_aux=True",
        )
    if output.dim() != 0:
        raise TransformError(
            f"{name}(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
            f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?",
            where=f"a call of {name}, whose function returned a tensor of shape "
            f"{tuple(output.shape)}",
            fix="return output.sum(), or call pg.func.jacrev(f) or pg.func.vjp(f, *args)",
        )


# --- products ------------------------------------------------------------------------


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The output of ``func``, and a function from its cotangent to the gradient of the inputs.

    ``torch.func.vjp``.

    Returns:
        ``(output, vjp_fn)``, or ``(output, vjp_fn, aux)``. ``vjp_fn(cotangents)`` takes cotangents
        in the structure of the output, as often as you like, and returns a tuple of one gradient
        for each primal.

    Raises:
        TransformError: an output is neither floating-point nor complex.
    """
    level = Level("vjp", primals)
    with recording():
        inner = level.enter(primals)
        output = func(*inner)
        output, aux = split_aux("vjp", output) if has_aux else (output, None)
        outputs, out_spec = flat_variables(output, "vjp", "what f returns")
        check_differentiable("vjp", outputs)
    flat, spec = tree_flatten(inner)

    def vjp_fn(
        cotangents: Any,
        retain_graph: bool = True,  # noqa: ARG001 (torch's; the graph is kept)
        create_graph: bool | None = None,
    ) -> Any:
        given, given_spec = flat_variables(cotangents, "vjp", "the cotangents")
        _check_structure("vjp", given_spec, out_spec, "cotangents", "outputs to the function")
        later = level.later(cotangents)
        found = later.gradients(outputs, flat, given, create_graph)
        return later.leave(tree_unflatten(zeros_for(found, flat), spec))

    shown = level.leave(output)
    return (shown, vjp_fn, level.leave(aux)) if has_aux else (shown, vjp_fn)


def jvp(
    func: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """The output of ``func`` and its tangent: the derivative in the direction ``tangents``.

    ``torch.func.jvp``, by forward mode.

    Args:
        func: a function of ``primals``.
        primals: its arguments, a tuple.
        tangents: one for each, in the same structure, of its shape and dtype.
        strict: refuse an output that does not depend on the primals, whose tangent is zero.
        has_aux: ``func`` returns ``(output, aux)``, and the result has aux as well.

    Raises:
        TransformError: the tangents do not fit the primals.
        ForwardModeError: an op has no jvp, and its backward cannot be differentiated.
    """
    if not isinstance(primals, tuple):
        raise TransformError(
            "jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to "
            "call f(*primals).",
            where="a call of jvp",
            fix="pass (x,) for one argument x",
        )
    linear = _Linear("jvp", func, primals, has_aux, Level("jvp", primals, tangents), tangents)
    found = linear.tangents(linear.given[0], linear.level)
    if strict:
        _refuse_independent(found)
    output = linear.shown(linear.outputs, linear.level)
    tangent = linear.shown(linear.filled(found), linear.level)
    return (output, tangent, linear.aux) if has_aux else (output, tangent)


def _refuse_independent(found: Sequence[Any]) -> None:
    if any(t is None for t in found):
        raise TransformError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the "
            "inputs. This is not allowed with strict=True.",
            where="a call of jvp",
            fix="leave strict out to get a tangent of zeros",
        )


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The output of ``func``, and a function from tangents of ``primals`` to the output's tangent.

    ``torch.func.linearize``: ``func`` is called once, and its graph pushes each tangent.
    """
    linear = _Linear("linearize", func, primals, False, Level("linearize", primals))

    def jvp_fn(*tangents: Any) -> Any:
        level = linear.level.later(tangents)
        found = linear.tangents(linear.checked(tangents), level)
        return linear.shown(linear.filled(found), level)

    return linear.shown(linear.outputs, linear.level), jvp_fn


class _Linear:
    """A function near its primals, by its recorded graph.

    It is called after ``given``, its tangents if they are known already, have been checked.
    """

    def __init__(
        self,
        name: str,
        func: Callable[..., Any],
        primals: tuple[Any, ...],
        has_aux: bool,
        level: Level,
        *given: Any,
    ) -> None:
        self.name, self.level = name, level
        with recording():
            inner = level.enter(primals)
            self.inputs, self.spec = tree_flatten(inner)
            if not self.inputs:
                _refuse_no_primals(name)
            self.given = [self.checked(tangents) for tangents in given]
            output = func(*inner)
            output, aux = split_aux(name, output) if has_aux else (output, None)
            self.outputs, self.out_spec = flat_variables(output, name, "what f returns")
        self.aux = level.leave(aux)

    def checked(self, tangents: Any) -> list[Any]:
        """The flat tangents, each of the shape and dtype of its primal."""
        given, spec = flat_variables(tangents, self.name, "the tangents")
        _check_structure(self.name, spec, self.spec, "tangents", "primals")
        for i, (tangent, x) in enumerate(zip(given, self.inputs, strict=True)):
            if tangent.shape != x.shape or tangent.dtype is not x.dtype:
                raise TransformError(
                    f"{self.name}: tangent {i}, of shape {tuple(tangent.shape)} and dtype "
                    f"{tangent.dtype}, doesn't match the corresponding primal, of shape "
                    f"{tuple(x.shape)} and dtype {x.dtype}",
                    where=f"a call of {self.name}",
                    fix="pass a tangent of the primal's shape and dtype",
                )
        return given

    def tangents(self, given: Sequence[Any], level: Level) -> list[Any]:
        """The outputs' tangents, None for those that do not depend on the primals."""
        recorded = level.is_recorded((*self.outputs, *given))
        return pushed(self.outputs, self.inputs, given, recorded)

    def filled(self, found: Sequence[Any]) -> list[Any]:
        """The same with zeros for None."""
        return zeros_for(found, self.outputs)

    def shown(self, flat: Sequence[Any], level: Level) -> Any:
        """In the structure of what the function returned."""
        return level.leave(tree_unflatten(list(flat), self.out_spec))


def _refuse_no_primals(name: str) -> NoReturn:
    raise TransformError(
        f"{name}: Expected primals to contain at least one Tensor.",
        where=f"a call of {name}",
        fix="pass the arguments of the function, and return constants from it as aux",
    )


def _check_structure(name: str, got: Any, expected: Any, what: str, of: str) -> None:
    if got != expected:
        raise TransformError(
            f"{name}: Expected pytree structure of {what} to be the same as pytree structure of "
            f"{of}. {what}: {got}, {of}: {expected}",
            where=f"a call of {name}",
            fix=f"pass {what} in the same lists, tuples and dicts as {of}",
        )

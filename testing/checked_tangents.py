"""Forward mode in gradcheck: the jvp against numeric derivatives, without a tangent, in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.errors import GradcheckError
from plugrad.forward_ad import dual_level, make_dual, unpack_dual
from plugrad.testing.checked_backward import agree_in_a_batch, random_batch
from plugrad.testing.differences import coordinates
from plugrad.testing.jacobians import units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.variable import Variable
    from plugrad.testing.checked_function import CheckedFunction
    from plugrad.testing.checked_jacobians import Gradcheck


def check_tangents(check: Gradcheck) -> None:
    """The Jacobian by forward mode is the numeric one.

    Raises:
        GradcheckError: it is not.
    """
    function = check.function
    if not function():
        check.constant()
    elif not (check.fast_mode and _one_direction(check)):
        for i in range(len(function.variables)):
            analytic = _jacobians(check, i)
            for o, numeric in enumerate(check.numeric(i)):
                check.compare(analytic[o], numeric, o, i, forward=True)
            along = check.longer(function.variables[i].data)
            for o, found in enumerate(_of_one(check, i, along)):
                where = f"the tangent of {function.output_names[o]} from {function.input_names[i]}"
                check.linear(found, analytic[o], coordinates(along), where, "jvp")


def _jacobians(check: Gradcheck, input_: int) -> list[Tensor]:
    """The Jacobian of each output with respect to one input, column by column."""
    function = check.function
    columns = [_of_one(check, input_, unit) for unit in units(function.variables[input_].data)]
    if not columns:
        sizes = [coordinates(t).numel() for t in check.values()]
        return [torch.zeros(size, 0, dtype=torch.float64) for size in sizes]
    return [torch.stack(each, 1) for each in zip(*columns, strict=True)]


def _of_one(check: Gradcheck, input_: int, tangent: Tensor) -> list[Tensor]:
    """The coordinates of the outputs' tangents, if one input has this and the others zeros."""
    variables = check.function.variables
    tangents = [
        tangent if i == input_ else torch.zeros_like(v.data) for i, v in enumerate(variables)
    ]
    return [coordinates(t) for t in _pushed(check.function, tangents)]


def _pushed(function: CheckedFunction, tangents: Sequence[Tensor | None]) -> list[Tensor]:
    """The outputs' tangents, zeros for None; an input without a tangent is a constant."""
    with dual_level():
        given: dict[Variable, Any] = {
            v: v.detach() if t is None else make_dual(v.data, t)
            for v, t in zip(function.variables, tangents, strict=True)
        }
        found = []
        for output in function.again(given):
            tangent = unpack_dual(output).tangent
            found.append(torch.zeros_like(output.data) if tangent is None else tangent.data)
        return found


def _one_direction(check: Gradcheck) -> bool:
    """Whether the derivatives are right in a random direction of each input."""
    at = check.function.values
    for k, tensor in enumerate(at):
        step = check.direction(tensor)
        slack = check.atol * float(coordinates(step).sum())
        numeric = check.along(k, step)
        for found, expected in zip(_of_one(check, k, step), numeric, strict=True):
            allowed = slack + check.rtol * expected.abs()
            if not bool(((found - expected).abs() <= allowed).all()):
                return False
    return True


def check_no_tangent(check: Gradcheck) -> None:
    """An input without a tangent is as good as one whose tangent is zero.

    Raises:
        GradcheckError: the tangent of an output is another.
    """
    function = check.function
    function()
    tangents: list[Any] = [check.direction(t) for t in function.values]
    for i, (name, tensor) in enumerate(zip(function.input_names, function.values, strict=True)):
        before, after = tangents[:i], tangents[i + 1 :]
        zero = _pushed(function, [*before, torch.zeros_like(tensor), *after])
        try:
            none = _pushed(function, [*before, None, *after])
        except Exception as error:
            raise GradcheckError(
                f"Expected jvp to handle undefined tangents: without one for {name} it raises "
                f"{type(error).__name__}: {error}",
                where=f"the jvp with respect to the inputs other than {name}",
                fix="in jvp take None, the tangent of an input without one, for zero; or pass "
                "check_undefined_grad=False",
            ) from error
        for output, a, b in zip(function.output_names, zero, none, strict=True):
            if not torch.allclose(a, b, equal_nan=True):
                raise GradcheckError(
                    f"Mismatch in tangent values for {output}: with none for {name} it is not what "
                    f"it is with zeros for {name}",
                    where=f"the jvp with respect to the inputs other than {name}",
                    fix="in jvp take None, the tangent of an input without one, for zero",
                )


def check_batch(check: Gradcheck) -> None:
    """torch.vmap over the jvp equals a loop.

    Raises:
        GradcheckError: it does not.
    """
    function = check.function
    if not function():
        return
    for i, (variable, name) in enumerate(
        zip(function.variables, function.input_names, strict=True)
    ):

        def jvp(tangent: Tensor, i: int = i) -> list[Tensor]:
            tangents: list[Tensor | None] = [None] * len(function.variables)
            tangents[i] = tangent
            return _pushed(function, tangents)

        agree_in_a_batch(
            jvp,
            random_batch(variable.data, check.generator),
            [f"the tangent of {output}" for output in function.output_names],
            f"the jvp with respect to {name} in torch.vmap",
        )

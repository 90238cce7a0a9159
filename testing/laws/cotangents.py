"""Cotangents: a rule may assume nothing about the gradients that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import agree, agree_all, all_finite
from plugrad.testing.call import transposed, with_gaps
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.oracle import case_tolerance
from plugrad.testing.steady import steady_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


@LAWS.law("cotangent-layouts", "first order")
def cotangent_layouts(case: Case) -> None:
    """A cotangent, the gradient that backward is given, may have any memory layout.

    ``y.sum().backward()`` sends one with stride 0, and a transposed use a transposed one; a
    ``view`` in the rule fails on them, and ``as_strided`` gives wrong numbers.
    """
    call = steady_call(case)
    allowed, tried = case_tolerance(case, call), 0
    for layout, change in _LAYOUTS.items():
        cotangents = [change(c) for c in call.cotangents()]
        if all(c.is_contiguous() for c in cotangents):
            continue
        tried += 1
        expected = call.rule([c.contiguous() for c in cotangents])
        got = call.rule(cotangents)
        agree_all(case.inputs, expected, got, allowed, f"wrong for {layout} cotangents")
    if not tried:
        raise NotApplicable("no output has two elements that could be laid out otherwise")


def _expanded(cotangent: Tensor) -> Tensor:
    return cotangent.flatten()[0].expand(cotangent.shape) if cotangent.numel() > 1 else cotangent


_LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "expanded": _expanded,
    "transposed": transposed,
    "non-contiguous": with_gaps,
}


@LAWS.law("linearity", "first order")
def linearity(case: Case) -> None:
    """The gradient is linear in the cotangent, large or small.

    It is a product with a Jacobian: vjp(a u + b v) = a vjp(u) + b vjp(v).
    """
    surrogate = case.op.declaration.as_surrogate
    if not surrogate.linear:
        raise NotApplicable(f"backward is a surrogate that is not linear: {surrogate.reason}")
    check_linearity(case)


def check_linearity(case: Case) -> None:
    """Raise Violation unless the gradient is linear in the cotangent."""
    call = steady_call(case)
    u, v = call.cotangents(1), call.cotangents(2)
    gu, gv = call.rule(u), call.rule(v)
    size_u, size_v = (max([_size(g) for g in gs if g is not None], default=0.0) for gs in (gu, gv))
    allowed = case_tolerance(case, call)
    # In a narrow dtype they must not be so far apart that its range ends.
    large, small = (4.0, 0.25) if allowed > 1e-3 else (1024.0, 2.0**-20)
    for a, b in ((large, -0.5), (small, 0.0), (1.0, 1.0)):
        got = call.rule([_combined(a, x, b, y) for x, y in zip(u, v, strict=True)])
        expected = [_combined(a, x, b, y) for x, y in zip(gu, gv, strict=True)]
        message = f"not linear in the cotangent: vjp({a:g} u + {b:g} v)"
        # Two large terms may cancel; what is left carries their error.
        scale = max(abs(a) * size_u, abs(b) * size_v)
        for given, e, g in zip(case.inputs, expected, got, strict=True):
            if not given.differentiable:
                continue  # the law non-differentiable judges what a rule gives for it
            _agree_at_scale(given.name, e, g, allowed, message, scale)


def _combined(a: float, x: Any, b: float, y: Any) -> Any:
    if x is None or y is None:
        return None if x is None and y is None else a * x if y is None else b * y
    return a * x + b * y if b else a * x


def _agree_at_scale(
    name: str, expected: Any, got: Any, allowed: float, message: str, scale: float
) -> None:
    both = isinstance(expected, Tensor) and isinstance(got, Tensor)
    if both and expected.shape == got.shape and not all_finite(expected):
        # For an infinite slope, inf - inf is left on one side.
        finite = torch.isfinite(expected)
        expected, got = torch.where(finite, expected, 0), torch.where(finite, got, 0)
    agree(expected, got, f"gradient of {name}", allowed, message, scale=scale)


def _size(gradient: Tensor) -> float:
    finite = gradient if all_finite(gradient) else gradient[torch.isfinite(gradient)]
    return float(finite.abs().max()) if finite.numel() else 0.0


@LAWS.law("zero-cotangent", "first order")
def zero_cotangent(case: Case) -> None:
    """A cotangent of zeros gives a gradient of zeros.

    Except where the slope is infinite or nan: there torch's own formulas give nan.
    """
    call = steady_call(case)
    slopes = call.rule([torch.ones_like(root.data) for root in call.roots])
    zeros = call.rule([torch.zeros_like(root.data) for root in call.roots])
    for given, slope, gradient in zip(case.inputs, slopes, zeros, strict=True):
        if gradient is None or slope is None or gradient.shape != slope.shape:
            continue
        wrong = (gradient != 0) & torch.isfinite(slope)
        # In an op that mixes elements, one infinite slope spoils them all.
        if bool(wrong.any()) and bool(torch.isfinite(slope).all()):
            raise Violation(
                f"the gradient of {given.name} is {gradient[wrong][0].item()} for a zero cotangent"
            )


@LAWS.law("partial-cotangents", "first order")
def partial_cotangents(case: Case) -> None:
    """If an output is not used, the other outputs' gradients are still right.

    An unused output sends no cotangent. Each output is left out once; the rule gets zeros
    for it, or None if it asked for that.
    """
    call = steady_call(case)
    count = len(call.roots)
    if count < 2:
        raise NotApplicable("there is one differentiable output, which always has a cotangent")
    allowed = case_tolerance(case, call)
    cotangents = call.cotangents()
    for left_out in range(count):
        given = [None if i == left_out else c for i, c in enumerate(cotangents)]
        zeroed = [torch.zeros_like(c) if i == left_out else c for i, c in enumerate(cotangents)]
        message = f"wrong when output {call.root_numbers[left_out]} is not used"
        expected = _expected(case, call, zeroed)
        used = [i for i in range(count) if i != left_out]
        got = _through_engine(call, used, given)
        agree_all(case.inputs, expected, got, allowed, message)


def _expected(case: Case, call: Call, zeroed: list[Tensor]) -> list[Any]:
    try:
        theirs = case.oracle.call()
        if theirs.root_numbers == call.root_numbers:
            return theirs.vjp(zeroed)
    except NotApplicable:
        pass
    return call.vjp(zeroed)


def _through_engine(call: Call, used: list[int], cotangents: list[Any]) -> list[Any]:
    wanted = call.case.wanted
    roots = [call.roots[i] for i in used]
    targets = [call.variables[i] for i in wanted]
    found = call.engine.grad(roots, [cotangents[i] for i in used], targets)
    gradients: list[Any] = [None] * len(call.case.inputs)
    for index, gradient in zip(wanted, found, strict=True):
        gradients[index] = gradient
    return gradients

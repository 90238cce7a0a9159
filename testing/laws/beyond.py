"""Beyond the first order: derivatives of derivatives."""

from __future__ import annotations

import cmath
import math
import re
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.errors import OnceDifferentiableError
from plugrad.testing.agree import agree
from plugrad.testing.call import refuse_surrogate
from plugrad.testing.differences import Slopes, slopes_along
from plugrad.testing.domains import BOUND, tangent
from plugrad.testing.engine import PLUGRAD, TORCH
from plugrad.testing.jacobians import Jacobians, inner
from plugrad.testing.law import LAWS, TORCH_LACKS_IT, NotApplicable, Violation
from plugrad.testing.laws.gradients import ruled_call
from plugrad.testing.laws.like_torch import where_torch_knows
from plugrad.testing.laws.numeric import needs_wide
from plugrad.testing.laws.oracle import case_tolerance, same_roots
from plugrad.testing.shared import random_like
from plugrad.testing.sparse import parts
from plugrad.testing.steady import steady_call
from plugrad.testing.together import vjps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case
    from plugrad.testing.engine import Engine


#: The laws that say what is wrong with a second derivative, before those that only find that it is
#: wrong.
_WHY = ("once-differentiable", "hidden-intermediate")
_SECOND_ORDER = (*_WHY, "oracle", "numeric", "second-order")


@LAWS.law("once-differentiable", "beyond")
def once_differentiable(case: Case) -> None:
    """A gradient that cannot be differentiated again says so.

    A gradient depends at least on the cotangent (the gradient that backward is given), so a
    gradient without a graph would make the second derivative silently zero;
    ``once_differentiable`` makes it an error.
    """
    call = steady_call(case)
    marked = case.op.once_differentiable
    cotangents = [call.engine.leaf(c, True) for c in call.cotangents()]
    gradients = call.vjp(cotangents, create_graph=True)
    for i in case.wanted:
        gradient = gradients[i]
        if gradient is None or not bool(call.engine.raw(gradient).nan_to_num().any()):
            continue
        if not gradient.requires_grad:
            raise Violation(
                f"in create_graph the gradient of {case.inputs[i].name} has no graph, and its "
                "derivative is silently zero: mark backward @once_differentiable, or compute it "
                f"from {_RECORDED[call.engine.name]}"
            )
        if marked and call.engine is PLUGRAD:
            _must_refuse(call.engine, gradient, cotangents)
    if case.op.declaration.as_surrogate and not marked:  # no other law differentiates it again
        tracked = [g for g in gradients if call.engine.is_tracked(g)]
        ones = [torch.ones_like(call.engine.raw(g)) for g in tracked]
        call.engine.grad(tracked, ones, [call.variables[i] for i in case.wanted])
    # torch's own mark only refuses what backward() of the gradient itself would reach.
    if marked and call.engine is TORCH and _gradient_moves(case, call):
        raise Violation(
            "backward is marked once_differentiable, but torch does not say so when a loss's "
            "gradient is differentiated: a gradient penalty or a Hessian silently lacks its part",
            tolerated=True,
        )


_RECORDED = {"plugrad": "Variables", "torch": "saved inputs and outputs, with torch's functions"}


def _gradient_moves(case: Case, call: Call) -> bool:
    """Whether the gradient depends on the inputs, so that there is a second derivative to lose."""
    generator, values = case.generator(31), case.values
    for i in case.wanted:
        values[i] = values[i] + 1e-3 * random_like(values[i], generator)
    cotangents = call.cotangents()
    try:
        there = case.call(values).vjp(cotangents)
    except Exception:
        return False
    pairs = zip(call.vjp(cotangents), there, strict=True)
    return any(a is not None and b is not None and not _equal(a, b) for a, b in pairs)


def _must_refuse(engine: Engine, gradient: Any, cotangents: list[Any]) -> None:
    try:
        engine.grad([gradient], [torch.ones_like(engine.raw(gradient))], cotangents)
    except OnceDifferentiableError:
        return
    raise Violation("backward is marked once_differentiable, but its derivative raises nothing")


@LAWS.law("hidden-intermediate", "beyond")
def hidden_intermediate(case: Case) -> None:
    """A constant that forward leaves for backward does not depend on the inputs.

    A number on ``ctx`` that was computed from an input, or a saved tensor marked as not
    differentiable, silently loses its part of the second derivative.
    """
    if case.op.declaration.surrogate_reference is None:  # which has a second derivative
        refuse_surrogate(case)
    call, _ = ruled_call(case, new=False)
    if case.op.once_differentiable:
        raise NotApplicable("backward is once_differentiable")
    before = call.engine.hidden(call)
    if not before:
        raise NotApplicable("forward leaves no floating-point constants on its context")
    generator = case.generator(30)
    values = case.values
    for i in case.wanted:
        values[i] = values[i] + 1e-3 * random_like(values[i], generator)
    try:
        other = case.call(values)
    except Exception:
        raise NotApplicable("the inputs cannot be moved") from None
    after = {} if other.node is None else call.engine.hidden(other)
    for name, constant in before.items():
        if name in after and not _equal(constant, after[name]):
            if call.engine is TORCH and _second_order_is_right(case):
                raise NotApplicable("the second derivative is right all the same")
            raise Violation(
                f"{name} depends on the inputs, and the second derivative treats it as a "
                "constant: save inputs or outputs, and compute it again in backward"
            )


def _second_order_is_right(case: Case) -> bool:
    try:
        second_order_numeric(case)
    except (NotApplicable, Violation, RuntimeError):
        return False
    return True


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        alike = a.shape == b.shape and a.layout is b.layout
        pairs = zip(parts(a), parts(b), strict=True) if alike else ()
        return alike and all(torch.equal(x.nan_to_num(), y.nan_to_num()) for x, y in pairs)
    both_nan = cmath.isnan(a) and cmath.isnan(b)
    return bool(a == b) or both_nan


@LAWS.law("second-order", "beyond", explained_by=(*_WHY, "oracle", "numeric"))
def second_order(case: Case) -> None:
    """The second derivative is torch's, in the inputs and in the cotangents.

    A rule that leaves the graph (``.data``, NumPy, a saved intermediate) loses a part of
    it, and torch does not warn.
    """
    _compare_orders(case, 2)


@LAWS.law("third-order", "beyond", explained_by=_SECOND_ORDER)
def third_order(case: Case) -> None:
    """The third derivative of an elementwise op is torch's.

    A rule may be right twice by luck, because what it loses is linear; it is not right a
    third time.
    """
    if not case.op.declaration.elementwise:
        raise NotApplicable("the op is not declared elementwise")
    _compare_orders(case, 3)


def _compare_orders(case: Case, order: int) -> None:
    call = _twice_differentiable(case)
    if any(case.inputs[i].domain in BOUND for i in case.wanted):
        raise NotApplicable(
            "outside the domain the gradient is arbitrary: finite differences judge"
        )
    theirs = case.oracle.call()
    same_roots(call, theirs)
    allowed = 10 ** (order - 2) * case_tolerance(case, call)
    cotangents = call.cotangents()
    our_points = [call.engine.leaf(c, True) for c in cotangents]
    torch_points = [c.clone().requires_grad_() for c in cotangents]
    ours = call.vjp(our_points, create_graph=True)
    expected = theirs.vjp(torch_points, create_graph=True)
    our_points = [call.variables[i] for i in case.wanted] + our_points
    torch_points = [theirs.leaves[i] for i in case.wanted] + torch_points
    names = [given.name for given in case.inputs]
    points = [names[i] for i in case.wanted] + [f"cotangent {i}" for i in call.root_numbers]
    for number in range(2, order + 1):
        pairs = _differentiable_pairs(ours, expected, names, number, torch_points)
        if not pairs:
            if number == 2:
                raise NotApplicable("the gradient is constant in torch too")
            return
        ours, expected = _next_order(case, pairs, our_points, torch_points, number)
        names = points
        message = f"derivative {number} is not torch's"
        known = [None if e is None else e.detach() for e in expected]
        # Where a derivative should vanish, rounding of the others' size remains.
        sizes = [
            torch.where(torch.isfinite(e), e, 0).abs().max()
            for e in known
            if e is not None and e.numel()
        ]
        scale = 1e-4 * max(map(float, sizes), default=0.0)
        for name, e, g in zip(names, known, map(case.op.engine.raw, ours), strict=True):
            agree(
                where_torch_knows(e, g), g, f"derivative in {name}", allowed, message, scale=scale
            )


def _differentiable_pairs(
    ours: Sequence[Any],
    expected: Sequence[Any],
    names: Sequence[str],
    number: int,
    torch_points: Sequence[Tensor],
) -> list[tuple[Any, Tensor]]:
    """What can be differentiated once more; Violation if only torch's can, and it matters."""
    pairs = []
    for name, our, their in zip(names, ours, expected, strict=True):
        if their is None or not their.requires_grad:
            continue
        if our is None or not our.requires_grad:
            if _varies(their, torch_points):
                raise Violation(
                    f"derivative {number - 1} in {name} has no graph, but torch's has: what "
                    "depends on inputs or cotangents must be computed on Variables"
                )
            continue
        pairs.append((our, their))
    return pairs


def _varies(tensor: Tensor, points: Sequence[Tensor]) -> bool:
    """Whether torch's derivative of it is not just zeros, like relu's second derivative."""
    direction = torch.ones_like(tensor)
    found = torch.autograd.grad(tensor, points, direction, retain_graph=True, allow_unused=True)
    return any(g is not None and bool(g.nan_to_num().any()) for g in found)


def _next_order(
    case: Case,
    pairs: Sequence[tuple[Any, Tensor]],
    our_points: Sequence[Any],
    torch_points: Sequence[Tensor],
    number: int,
) -> tuple[list[Any], list[Any]]:
    generator = case.generator(10 + number)
    directions = [random_like(t.detach(), generator) for _, t in pairs]
    ours = case.op.engine.grad([o for o, _ in pairs], directions, our_points, create_graph=True)
    try:
        expected = torch.autograd.grad(
            [t for _, t in pairs],
            torch_points,
            directions,
            create_graph=True,
            allow_unused=True,
        )
    except RuntimeError as error:
        if "derivative for" in str(error) and "not implemented" in str(error):
            # Which derivatives torch has depends on its version; finite differences judge all.
            raise NotApplicable(TORCH_LACKS_IT) from None
        raise
    return ours, list(expected)


def _twice_differentiable(case: Case) -> Call:
    call = steady_call(case)
    if case.op.once_differentiable:
        raise NotApplicable("backward is once_differentiable")
    return call


@LAWS.law("second-order-numeric", "beyond", explained_by=_SECOND_ORDER)
def second_order_numeric(case: Case) -> None:
    """The second derivative is the slope of the gradient.

    It is compared with finite differences of the op's own gradient, along a random
    direction in all inputs at once. This also works where torch cannot differentiate, and
    where torch has the same mistake.
    """
    refuse_surrogate(case)
    call = _twice_differentiable(case)
    needs_wide(case, call)
    generator = case.generator(20)
    cotangents = call.cotangents()
    weights, directions = (
        [
            tangent(case.inputs[i].domain, random_like(case.inputs[i].tensor, generator))
            for i in case.wanted
        ]
        for _ in range(2)
    )
    start = case.values
    directions = [
        torch.where(torch.isfinite(start[i]), d, 0)
        for i, d in zip(case.wanted, directions, strict=True)
    ]
    found = _slope_of_gradient(case, cotangents, weights, directions)
    if not bool(torch.isfinite(found.central).all()):
        raise NotApplicable("the gradient is not finite around the sample")
    try:
        got = _second_along(case, call, cotangents, weights, directions)
    except RuntimeError as error:
        # Who calls torch's functions cannot mark them, and nothing is silently lost.
        if call.engine is PLUGRAD or not _REFUSED.search(str(error)):
            raise
        first = str(error).strip().partition("\n")[0]
        raise Violation(
            f"there is no second derivative, and it raises: {first}", tolerated=True
        ) from error
    if not math.isfinite(got):
        raise NotApplicable("the second derivative is not finite here")
    rows = torch.tensor([[got]], dtype=torch.float64)
    if bool(found.disagrees(rows).any()):
        found.refine(found.disagrees(rows))
        if bool((found.disagrees(rows) & ~found.between(rows)).any()):
            expected = float(found.central)
            raise Violation(
                f"along a random direction the gradient changes by {expected:.9g} per step, the "
                f"second derivative says {got:.9g}: a part of the rule has no graph, or is wrong"
            )


#: What torch says where it has no second derivative.
_REFUSED = re.compile("not implemented|no autograd formula was registered|not differentiable")


def _slope_of_gradient(
    case: Case, cotangents: list[Tensor], weights: list[Tensor], directions: list[Tensor]
) -> Jacobians:
    start = case.values

    def total(gradients: Sequence[Any]) -> float:
        pairs = zip(case.wanted, weights, strict=True)
        return sum(inner(gradients[i], w) for i, w in pairs if gradients[i] is not None)

    def call(distance: float) -> Call:
        values = list(start)
        for i, direction in zip(case.wanted, directions, strict=True):
            values[i] = start[i] + distance * direction
        return case.call(values)

    def along(distances: list[float]) -> list[float]:
        found = vjps([call(t) for t in distances], [cotangents] * len(distances))
        if found is None:
            found = [call(t).vjp(cotangents) for t in distances]
        return [total(gradients) for gradients in found]

    middle = total(case.shared.gradients)

    def measure(step: float, richardson: bool) -> Slopes:
        return slopes_along(along, middle, step, richardson=richardson)

    return Jacobians(measure)


def _second_along(
    case: Case,
    call: Call,
    cotangents: list[Tensor],
    weights: list[Tensor],
    directions: list[Tensor],
) -> float:
    gradients = call.vjp([call.engine.leaf(c) for c in cotangents], create_graph=True)
    pairs = [
        (gradients[i], w)
        for i, w in zip(case.wanted, weights, strict=True)
        if gradients[i] is not None and gradients[i].requires_grad
    ]
    if not pairs:
        return 0.0
    points = [call.variables[i] for i in case.wanted]
    second = call.engine.grad([g for g, _ in pairs], [w for _, w in pairs], points)
    parts = zip(second, directions, strict=True)
    return sum(inner(torch.where(d != 0, s, 0), d) for s, d in parts if s is not None)

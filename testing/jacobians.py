"""Jacobians: by finite differences that look again, by the complex step, by the rule."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.variable import Variable
from plugrad.testing.agree import all_finite
from plugrad.testing.differences import (
    STEP,
    Slopes,
    coordinates,
    joined,
    numeric_jacobian,
    slopes_along,
)
from plugrad.testing.domains import tangent
from plugrad.testing.rows import as_rows
from plugrad.testing.shared import random_like

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


def inner(a: Any, b: Tensor) -> float:
    """Re <a, b>, in which complex numbers are pairs of reals."""
    a = a.data if isinstance(a, Variable) else a
    return float((a * b.conj()).real.sum() if b.is_complex() else (a * b).sum())


def units(output: Tensor) -> list[Tensor]:
    """A tensor like ``output`` for each of its real coordinates.

    e_k for each element, and of a complex output i e_k too.
    """
    made = torch.eye(output.numel(), dtype=output.dtype, device=output.device)
    if output.is_complex():
        made = torch.stack([made, 1j * made], 1).flatten(0, 1)
    return list(made.reshape(len(made), *output.shape).unbind())


#: Steps for the second look at what disagreed: one refines smooth slopes, one tells kinks
#: from jumps.
_REFINED, _SHORT = 1e-4, STEP / 16
#: Its square vanishes beside 1, so a complex step of it has no error of its own.
_TINY = 1e-20


class Jacobians:
    """A Jacobian by finite differences, which looks again where there is doubt.

    Args:
        measure: gives the slopes for a step, with extrapolation or without.
    """

    #: The error allowed, relative to the largest slope.
    allowed = 1e-6

    def __init__(self, measure: Callable[[float, bool], Slopes]) -> None:
        self._measure = measure
        self._first = measure(STEP, False)
        self.central = self._first.central.clone()
        self._doubt = torch.zeros_like(self.central)
        self.kinks = torch.zeros_like(self.central, dtype=torch.bool)
        self.jumps = self.kinks

    @property
    def scale(self) -> float:
        """The size of the slopes, at least 1: below that differences are rounding."""
        sizes = self.central.abs()
        largest = float(sizes.max()) if sizes.numel() else 1.0
        if not math.isfinite(largest):  # which is rare, and takes twice as long
            largest = float(torch.where(torch.isfinite(sizes), sizes, 0.0).max())
        return max(1.0, largest)

    def disagrees(self, rows: Tensor) -> Tensor:
        """Where a rule's Jacobian differs; only where there is a slope to compare with."""
        error = (rows - self.central).abs()
        if error.numel() and float(error.max()) <= self.allowed:  # nearly always; no nan is
            return torch.zeros_like(error, dtype=torch.bool)
        good = error <= self.allowed * self.scale + self._doubt
        return ~good & self._comparable(rows)

    def _comparable(self, rows: Tensor) -> Tensor:
        """Where there is a slope.

        There is none in outputs that are not finite to begin with, nor in coordinates
        without a finite slope in some output: a cotangent of zeros times inf is nan in all
        others. Those are for the law no-nan.
        """
        first = self._first
        finite = torch.isfinite(first.left) & torch.isfinite(first.right)
        dead = ~finite.any(1, keepdim=True)
        whole = torch.where(dead, torch.isfinite(rows), finite & torch.isfinite(self.central))
        return whole.all(0, keepdim=True) & ~dead

    def _beyond_doubt(self, rows: Tensor, doubted: Tensor) -> bool:
        """Whether every doubt is too large for extrapolation to remove."""
        slack = 2 * self._doubt + (2e-5 + 2 * self.allowed) * self.scale
        return bool(((rows - self.central).abs() > slack)[doubted].all())

    def refine(self, doubted: Tensor, rows: Tensor | None = None) -> None:
        """Look again: extrapolate, unless ``rows`` are wrong all the same, find kinks and jumps."""
        short = self._measure(_SHORT, False)
        # Near a pole, or a kink closer than the step, slopes change with the step: then
        # there is no verdict below that change.
        self._doubt = 2 * (short.central - self._first.central).abs().nan_to_num()
        if rows is None or not self._beyond_doubt(rows, doubted):
            extrapolated = self._measure(_REFINED, True).central
            close = (extrapolated - self.central).abs() <= self._doubt + 1e-5 * self.scale
            self.central = torch.where(doubted & close, extrapolated, self.central)
        # A smooth function's one-sided slopes differ by the step times its curvature, which
        # shrinks with the step; a kink's do not, and at a jump they grow.
        self.kinks = short.gap > 0.25 * self._first.gap.clamp(min=1e-3 * self.scale)
        grows = short.central.abs() > 4 * self._first.central.abs()
        sides = [(short.left, self._first.left), (short.right, self._first.right)]
        for near, far in sides:
            grows |= near.abs() > 4 * far.abs().clamp(min=1.0)
        self.jumps = grows
        self._short = short

    @property
    def left(self) -> Tensor:
        """The slopes from the left, after ``refine``."""
        return self._short.left

    @property
    def right(self) -> Tensor:
        """The slopes from the right, after ``refine``."""
        return self._short.right

    def between(self, rows: Tensor) -> Tensor:
        """Where a rule is right at a kink; at a jump there is nothing to be wrong about."""
        slack = 1e-4 * self.scale
        inside = self._short.between(rows, slack)
        return (self.kinks & inside) | self.jumps


def jacobians(case: Case, call: Call, i: int) -> Jacobians:
    """The Jacobian of all differentiable outputs in input ``i``, by differences."""
    values, f = case.values, _roots_of(case, call)
    middle = joined(root.data for root in call.roots)

    def at_once(several: list[list[Tensor]]) -> Tensor | None:
        rows = as_rows(case, several, differentiated=False)
        if rows is None:
            return None
        roots = [root[: rows.asked] for root in rows.roots]
        return torch.cat([coordinates(root).reshape(rows.asked, -1) for root in roots], 1)

    def measure(step: float, richardson: bool) -> Slopes:
        return numeric_jacobian(
            f, values, None, i, step, richardson=richardson, middle=middle, at_once=at_once
        )

    return Jacobians(measure)


def complex_step(case: Case, call: Call, i: int) -> Tensor | None:
    """The Jacobian in input ``i`` as Im f(x + ih) / h, exact for an analytic f.

    None if forward refuses complex numbers.
    """
    values, f, columns = case.values, _roots_of(case, call), []
    for place in range(values[i].numel()):
        moved = list(values)
        flat = torch.complex(values[i], torch.zeros_like(values[i])).flatten()
        flat[place] += complex(0, _TINY)
        moved[i] = flat.reshape(values[i].shape)
        try:
            outputs = f(moved)
        except Exception:
            return None
        if not all(o.is_complex() for o in outputs):
            return None
        columns.append(torch.cat([coordinates(o.imag) for o in outputs]) / _TINY)
    return torch.stack(columns, 1) if columns else None


def of_rule(case: Case, call: Call) -> list[Tensor]:
    """The rule's Jacobian for each differentiable input: a row for each output coordinate."""
    rows: list[list[Tensor]] = [[] for _ in case.wanted]
    zeros = [torch.zeros_like(root.data) for root in call.roots]
    for number, zero in enumerate(zeros):
        for unit in units(zero):
            gradients = summed(case, call, [*zeros[:number], unit, *zeros[number + 1 :]])
            for own, i in zip(rows, case.wanted, strict=True):
                own.append(_coordinates(gradients[i], case.inputs[i].tensor))
    return [torch.stack(own) for own in rows]


def directional(case: Case, call: Call, i: int, number: int) -> tuple[Jacobians, float]:
    """The slope of <u, forward> along a random direction in input ``i``, and the rule's.

    Every other direction is a single coordinate, so that one wrong element among many
    stands out. Elements that are not finite, or whose gradient is not, take no part.
    """
    generator = case.generator(100 + number)
    values, f = case.values, _roots_of(case, call)
    roots = [root.data for root in call.roots]
    cotangents = [_where_finite(root, random_like(root, generator)) for root in roots]
    start = values[i]
    direction = _where_finite(start, random_like(start, generator))
    if number % 2 and start.numel():
        flat = torch.zeros_like(direction).flatten()
        place = int(torch.randint(start.numel(), (), generator=generator))
        flat[place] = direction.flatten()[place]
        direction = flat.reshape(start.shape)
    direction = tangent(case.inputs[i].domain, direction)
    gradient = summed(case, call, cotangents)[i]
    if gradient is not None:
        # The laws no-nan and oracle judge what is nan or infinite.
        direction = _where_finite(gradient, direction)
        gradient = torch.where(direction != 0, gradient, 0)
    got = 0.0 if gradient is None else inner(gradient, direction)

    def total(outputs: Sequence[Tensor]) -> float:
        triples = zip(roots, outputs, cotangents, strict=True)
        return sum(inner(_where_finite(root, o), c) for root, o, c in triples)

    def at(distance: float) -> float:
        moved = list(values)
        moved[i] = start + distance * direction
        return total(f(moved))

    middle = total(roots)

    def measure(step: float, richardson: bool) -> Slopes:
        return slopes_along(lambda t: [*map(at, t)], middle, step, richardson=richardson)

    found = Jacobians(measure)
    # The rounding of a long sum is in proportion to all of it.
    size = sum(
        float((o.abs() * c.abs()).sum().nan_to_num())
        for o, c in zip(roots, cotangents, strict=True)
    )
    found.allowed = max(found.allowed, 1e-16 * size / STEP * 8)
    return found, got


def _where_finite(of: Tensor, tensor: Tensor) -> Tensor:
    """``tensor`` with zeros where ``of`` is not finite."""
    return tensor if all_finite(of) else torch.where(torch.isfinite(of), tensor, 0)


def summed(case: Case, call: Call, cotangents: Sequence[Any]) -> list[Any]:
    """The rule's gradients; of an op that declares ``broadcasts`` or ``promotes``, the engine's."""
    declared = case.op.declaration
    engine = declared.broadcasts or declared.promotes or not call.has_rule
    return call.vjp(cotangents) if engine else call.rule(cotangents)


def _roots_of(case: Case, call: Call) -> Callable[[list[Tensor]], list[Tensor]]:
    numbers = call.root_numbers

    def f(values: list[Tensor]) -> list[Tensor]:
        outputs = case.forward(values)
        return [outputs[n] for n in numbers]

    return f


def _coordinates(gradient: Any, tensor: Tensor) -> Tensor:
    if gradient is None:
        return torch.zeros(tensor.numel() * (2 if tensor.is_complex() else 1), dtype=torch.float64)
    return coordinates(gradient.data if isinstance(gradient, Variable) else gradient)

"""Shared: results of a sample that several laws read, computed once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.domains import BOUND
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case
    from plugrad.testing.laws.scaled import Scaled
    from plugrad.testing.rows import Rows


def random_like(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Normal numbers, contiguous, drawn on the CPU so that a seed means the same everywhere."""
    made = torch.randn(tensor.shape, dtype=tensor.dtype, generator=generator)
    return made.to(tensor.device)


class Shared:
    """Results of a case's own numbers, for laws that compare others with them.

    Each comes from a call of its own that is not differentiated again, and is a copy, so an
    op that writes to its inputs or outputs does not affect other laws. A law about the
    calls themselves (state, memory, the form of a gradient) makes its own.

    Args:
        case: the call.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._cotangents: dict[Any, list[Tensor]] = {}
        #: The kinds of rows of one call that several cannot be, as far as a law has tried.
        self.mixed_rows: set[type[Rows]] = set()
        #: The special numbers, and as the rows of one call: see laws/special_points.py.
        self.special_numbers: list[float] = []
        self.special_rows: Rows | None = None
        #: The sample's numbers multiplied: see laws/scaled.py.
        self.scaled: Scaled | None = None
        #: The sample in complex numbers: see laws/complex_numbers.py.
        self.complex_variants: list[tuple[Case, Call]] | None = None

    def cotangents(self, salt: int, roots: Sequence[Tensor]) -> list[Tensor]:
        """Random numbers like these outputs, the same each time; the tensors are new ones."""
        key = (salt, *((root.shape, root.dtype, root.device) for root in roots))
        drawn = self._cotangents.get(key)
        if drawn is None:
            generator = self._case.generator(salt)
            drawn = self._cotangents[key] = [random_like(root, generator) for root in roots]
        return [t.clone() for t in drawn]

    @cached_property
    def call(self) -> Call:
        """A call that is looked at, and never differentiated."""
        return self._case.call()

    @cached_property
    def outputs(self) -> list[Any]:
        """What a recorded call gives, flat, as tensors."""
        return _copies(self.call.tensors)

    @cached_property
    def untracked(self) -> list[Any]:
        """What a call gives that is not recorded."""
        return _copies(self._case.forward())

    @cached_property
    def of_random_numbers(self) -> tuple[list[Tensor], list[Any]]:
        """Random numbers instead of the sample's, and what a call of them gives, flat."""
        values, generator = self._case.values, self._case.generator(80)
        for i in self._case.wanted:
            values[i] = random_like(values[i], generator)
        return values, _copies(self._case.call([t.clone() for t in values]).tensors)

    @cached_property
    def gradients(self) -> list[Any]:
        """The gradient of each input for the cotangents of salt 0; None where there is none."""
        call = self._case.call()
        return _copies(call.vjp(call.cotangents()))

    @cached_property
    def slopes(self) -> list[Any]:
        """The same for cotangents of ones."""
        call = self._case.call()
        return _copies(call.vjp([torch.ones_like(call.engine.raw(r)) for r in call.roots]))

    @cached_property
    def direction(self) -> list[Tensor]:
        """For each input by how much of itself each number is to move, in proportion."""
        generator, found = self._case.generator(31), []
        for given in self._case.inputs:
            shape = given.tensor.shape
            drawn = torch.rand(shape, generator=generator, dtype=torch.float64) / 2 + 0.5
            # Those of a bound domain all move alike.
            drawn = torch.ones_like(drawn) if given.domain in BOUND else drawn
            found.append(drawn.to(given.tensor.device))
        return found


def _copies(values: Sequence[Any]) -> list[Any]:
    return [v.clone() if isinstance(v, Tensor) else v for v in values]


def refuse_undifferentiable(case: Case) -> Call:
    """The shared call, if one of its outputs has a gradient.

    Raises:
        NotApplicable: there is none.
    """
    refuse_constant(case)
    call = case.shared.call
    if not call.roots:
        raise NotApplicable("no output is differentiable")
    return call


def refuse_constant(case: Case) -> None:
    """Raise NotApplicable if the op says that it has no gradient, or no input can have one."""
    if not case.op.declaration.differentiable:
        raise NotApplicable("the op is declared differentiable=False")
    if not case.wanted:
        raise NotApplicable("no input is differentiable")

"""Rows: several calls of an op in one, as the rows of a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import all_finite
from plugrad.testing.together import ones

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case

_Function = Any  # of the inputs' values, a list
#: Fewer calls than these take less time than torch.vmap.
_MANY = 8


class Rows(ABC):
    """Several calls of an op as the rows of one; then random numbers, and the sample itself.

    What is computed of them has a further first dimension. The rows do not affect each other if the
    last two are what a call of each alone gives, bit for bit: what looks at all rows at once, or
    takes the further dimension for another one, computes something else there.

    Args:
        case: the sample.
        several: the inputs' values in each call.
    """

    def __init__(self, case: Case, several: Iterable[list[Tensor]]) -> None:
        random, _ = case.shared.of_random_numbers
        # Changes of one sign and of the other could cancel, and a sample may be all zeros.
        every = [*several, random, case.values]
        self.case = case
        #: Whether a row must be what a call gives bit for bit: it depends on the size, and on the
        #: dimensions, which kernel is the best.
        self.exact = not (case.op.declaration.elementwise or isinstance(self, Mapped))
        #: Of all rows, and of those that were asked for, which are the first ones.
        self.count, self.asked = len(every), len(every) - 2
        #: Of each input, in all calls.
        self.values = self.together(every)
        self.root_numbers = case.shared.call.root_numbers
        self.outputs: list[Any] = []
        #: Of each input; None where there is none.
        self.gradients: list[Any] = []
        self.cotangents: list[Tensor] = []

    # --- of each kind of rows ---
    @abstractmethod
    def together(self, several: Sequence[list[Tensor]]) -> list[Tensor]:
        """The values of several calls, by input."""

    @abstractmethod
    def over(self, function: _Function) -> _Function:
        """A function of the inputs of one call, and of more tensors, as one of all rows'."""

    # --- what is computed ---
    def run(
        self,
        work: Callable[..., list[Any]],
        values: Sequence[Tensor] | None = None,
        more: Sequence[Tensor] = (),
    ) -> list[Any]:
        """What ``work`` gives of a call and of ``more``, of all rows. It may raise."""
        values = self.values if values is None else values

        def of_call(given: list[Tensor], *more: Tensor) -> list[Any]:
            call = self.case.call(given)
            if call.root_numbers != self.root_numbers:
                raise ValueError("other outputs require grad")
            return work(call, *more)

        found: list[Any] = self.over(of_call)([t.clone() for t in values], *more)
        return found

    def compute(self, salt: int | None, differentiated: bool) -> bool:
        """Compute outputs and gradients; returns whether the rows are what each alone gives.

        Args:
            salt: of the cotangents, which are random numbers, but ones for the sample; None: ones.
            differentiated: whether to compute gradients.
        """
        number = len(self.case.shared.outputs)
        if not differentiated:
            self.outputs = self.run(_outputs)
            return self._are_outputs_apart()
        if salt is None:
            found = self.run(outputs_and_slopes)
        else:
            self.cotangents = self._drawn(salt)
            # A rule that writes to a cotangent breaks the law purity, not this one.
            found = self.run(_outputs_and_gradients, more=[c.clone() for c in self.cotangents])
        self.outputs, self.gradients = found[:number], found[number:]
        return self._are_outputs_apart() and self.are_apart(self.gradients)

    def _drawn(self, salt: int) -> list[Tensor]:
        """For each row what its call would be given alone, but ones for the sample."""
        roots = [root.data for root in self.case.shared.call.roots]
        alone = self.case.shared.cotangents(salt, roots)
        drawn = [torch.stack([own] * self.count) for own in alone]
        for cotangent in drawn:
            cotangent[-1] = 1
        return drawn

    @property
    def roots(self) -> list[Tensor]:
        """The outputs that require grad."""
        return [self.outputs[n] for n in self.root_numbers]

    def are_apart(self, gradients: Sequence[Any]) -> bool:
        """Whether the gradients for such cotangents are the sample's in its row."""
        return all(map(self._has_row, gradients, self.case.shared.slopes))

    def _are_outputs_apart(self) -> bool:
        """Whether the outputs are as those of the sample and of the random numbers alone."""
        alone, (_, random) = self.case.shared.outputs, self.case.shared.of_random_numbers
        if not len(self.outputs) == len(alone) == len(random):
            return False
        triples = zip(self.outputs, alone, random, strict=True)
        return all(self._has_row(t, o) and self._has_row(t, r, -2) for t, o, r in triples)

    def finite(self, tensors: Iterable[Any]) -> list[bool]:
        """Which rows are finite in all of these tensors; None counts as zeros."""
        found = [True] * self.count
        for tensor in tensors:
            if not isinstance(tensor, Tensor) or all_finite(tensor):
                continue
            if tensor.shape[:1] != (self.count,):
                return [False] * self.count
            finite = torch.isfinite(tensor).reshape(self.count, -1).all(1).tolist()
            found = [a and b for a, b in zip(found, finite, strict=True)]
        return found

    def _has_row(self, tensor: Any, alone: Any, number: int = -1) -> bool:
        if not isinstance(tensor, Tensor) or not isinstance(alone, Tensor):
            return type(tensor) is type(alone)
        if tensor.shape[:1] != (self.count,):
            return False
        if not tensor.numel():  # which tells nothing, but inside of torch.vmap rows do not mix
            return isinstance(self, Mapped) and tensor.shape[1:] == alone.shape
        row, allowed = tensor[number], (0.0, 0.0) if self.exact else (1e-9, 1e-12)
        if self.case.op.declaration.elementwise:  # inputs may be as large as the output
            row = row.sum_to_size(alone.shape)
        if row.shape != alone.shape or row.dtype is not alone.dtype:
            return False
        # Nearly always they are equal, which allclose finds out in six steps.
        return torch.equal(row, alone) or torch.allclose(row, alone, *allowed, equal_nan=True)


class Mapped(Rows):
    """Rows by torch.vmap: the op sees one of them, so that any dimension and size means the same.

    Inputs that are not differentiable are the sample's in each row.
    """

    def together(self, several: Sequence[list[Tensor]]) -> list[Tensor]:
        """See Rows."""
        values, wanted = list(several[-1]), self.case.wanted
        for i in wanted:
            values[i] = torch.stack([own[i] for own in several])
        return values

    def over(self, function: _Function) -> _Function:
        """See Rows. What is not a tensor is taken to be the same in each row."""
        wanted = self.case.wanted
        others: list[Any] = []

        def of_row(values: Sequence[Tensor], *mapped: Tensor) -> tuple[Tensor, ...]:
            given = list(values)
            for i, tensor in zip(wanted, mapped, strict=False):
                given[i] = tensor
            found = function(given, *mapped[len(wanted) :])
            others[:] = [None if isinstance(t, Tensor) else (t,) for t in found]
            return tuple(t for t in found if isinstance(t, Tensor))

        def of_all(values: list[Tensor], *more: Tensor) -> list[Any]:
            of_own = partial(of_row, values)
            tensors = iter(torch.vmap(of_own)(*[values[i] for i in wanted], *more))
            return [next(tensors) if other is None else other[0] for other in others]

        return of_all


class Stacked(Rows):
    """Rows of inputs with a further first dimension, for an op that takes them so."""

    def together(self, several: Sequence[list[Tensor]]) -> list[Tensor]:
        """See Rows."""
        stacked = [torch.stack(of_input) for of_input in zip(*several, strict=True)]
        return _broadcast(stacked) if self.case.op.declaration.elementwise else stacked

    def over(self, function: _Function) -> _Function:
        """See Rows."""
        return function


def _outputs(call: Call) -> list[Any]:
    return call.tensors


def outputs_and_slopes(call: Call) -> list[Any]:
    """The outputs, and the gradients for cotangents of ones."""
    return [*call.tensors, *call.vjp(ones(call))]


def _outputs_and_gradients(call: Call, *cotangents: Tensor) -> list[Any]:
    return [*call.tensors, *call.vjp(list(cotangents))]


def as_rows(
    case: Case,
    several: Iterable[list[Tensor]],
    salt: int | None = None,
    differentiated: bool = True,
) -> Rows | None:
    """These calls and the sample as the rows of one call; None if that is not possible.

    See Rows.compute for ``salt`` and ``differentiated``.
    """
    several = list(several)
    # Without gradients torch.vmap takes longer than it saves.
    for kind in kinds_of_rows(case, len(several) if differentiated else 0):
        with suppress(Exception):
            rows = kind(case, several)
            if rows.compute(salt, differentiated):
                return rows
        case.shared.mixed_rows.add(kind)
    return None


def kinds_of_rows(case: Case, count: int = _MANY) -> list[type[Rows]]:
    """What so many calls of the case may be the rows of, without what was tried in vain."""
    if case.draws or any(given.pattern is not None for given in case.inputs) or not case.wanted:
        return []
    kinds: list[type[Rows]] = [Stacked] if _is_stackable(case) else []
    if count >= _MANY and _is_mappable(case):
        kinds.append(Mapped)
    return [kind for kind in kinds if kind not in case.shared.mixed_rows]


def _is_mappable(case: Case) -> bool:
    """Whether torch.vmap may be used: of ops that are built in it is known that they can take it.

    Any other op, such as one with a fault injected, may remember a tensor of a call. One from
    inside of torch.vmap is of no use outside, and later calls would raise.
    """
    entry, function = case.op.entry, case.op.function
    built_in = entry is not None and function is entry.function
    return built_in and function.__module__.startswith("plugrad.ops.")


def _is_stackable(case: Case) -> bool:
    """Whether inputs may get a further dimension.

    They may not where one is in a domain or empty. Unless the op is elementwise they are of one
    shape, none is an index, and no option may be a size or a dimension: some of torch's kernels
    leave their memory where those do not fit each other.
    """
    inputs = [given.tensor for given in case.inputs]
    if any(given.domain for given in case.inputs) or not all(t.numel() for t in inputs):
        return False
    if case.op.declaration.elementwise:
        return True
    floating = all(t.is_floating_point() or t.is_complex() for t in inputs)
    options = [*case.sample.args, *case.sample.kwargs.values()]
    return floating and len({t.shape for t in inputs}) == 1 and not _counts(options)


def _counts(value: Any) -> bool:
    """Whether it has an integer that may be a size, or a dimension counted from the first one."""
    if isinstance(value, list | tuple):
        return any(map(_counts, value))
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _broadcast(stacked: list[Tensor]) -> list[Tensor]:
    """The same where each input has the shape of them all."""
    whole = torch.broadcast_tensors(*[t[0] for t in stacked])  # type: ignore[no-untyped-call]
    shape = whole[0].shape
    padding = [(1,) * (len(shape) - t.dim() + 1) for t in stacked]
    wide = [t.reshape(len(t), *p, *t.shape[1:]) for t, p in zip(stacked, padding, strict=True)]
    return [t.expand(len(t), *shape).contiguous() for t in wide]

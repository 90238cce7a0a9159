"""Several calls of a case, differentiated in one run: what is common to all runs is paid once."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch

from plugrad.testing.agree import all_finite

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from plugrad.testing.call import Call, OracleCall
    from plugrad.testing.case import Case


def finite_calls(case: Case, several: Iterable[list[Tensor]]) -> dict[int, Call]:
    """The calls of these values, by number, that do not raise and whose roots are all finite."""
    calls: dict[int, Call] = {}
    for number, values in enumerate(several):
        with suppress(Exception):
            call = case.call(values)
            if call.roots and all(all_finite(call.engine.raw(root)) for root in call.roots):
                calls[number] = call
    return calls


def ones(call: Call) -> list[Tensor]:
    """A cotangent of ones for each root."""
    return [torch.ones_like(call.engine.raw(root)) for root in call.roots]


def vjps(
    calls: Sequence[Call], cotangents: Sequence[Sequence[Any]], create_graph: bool = False
) -> list[list[Any]] | None:
    """What ``vjp`` gives for each of the calls; None if each must be asked alone.

    That is so if one of them raises, or draws random numbers.

    Args:
        calls: of one case, each on leaves of its own.
        cotangents: of each call, one per root.
        create_graph: whether the gradients are values of the engine.
    """
    if not calls:
        return []
    engine = calls[0].engine
    if calls[0].case.draws:
        return None
    places = [
        [i for i, v in enumerate(call.variables) if engine.takes_gradient(v)] for call in calls
    ]
    leaves = [c.variables[i] for c, own in zip(calls, places, strict=True) for i in own]
    roots = [root for call in calls for root in call.roots]
    given = [c for own in cotangents for c in own]
    try:
        if create_graph:
            found = engine.grad(roots, given, leaves, create_graph=True)
        else:
            found = engine.of_leaves(roots, given, leaves)
    except Exception:
        return None
    return _apart(found, places, [len(call.variables) for call in calls])


def oracle_vjps(
    calls: Sequence[OracleCall], cotangents: Sequence[Sequence[Tensor]]
) -> list[list[Any]] | None:
    """The same of torch's calls."""
    if not calls:
        return []
    places = [[i for i in c.case.wanted if c.leaves[i].requires_grad] for c in calls]
    try:
        found = torch.autograd.grad(
            [c.outputs[n] for c in calls for n in c.root_numbers],
            [c.leaves[i] for c, own in zip(calls, places, strict=True) for i in own],
            [cotangent for own in cotangents for cotangent in own],
            retain_graph=True,
            allow_unused=True,
        )
    except Exception:
        return None
    return _apart(found, places, [len(call.leaves) for call in calls])


class Rows:
    """Several calls of an op as the rows of one; then random numbers, and the sample itself.

    Each input and output has a further first dimension. The rows do not affect each other if the
    last two are what a call of each alone gives, bit for bit: what looks at all rows at once, or
    takes the further dimension for another one, computes something else there.

    Args:
        case: the sample.
        call: with these rows.
        values: the inputs' values.
    """

    def __init__(self, case: Case, call: Call, values: list[Tensor]) -> None:
        self.case, self.call, self.values = case, call, values
        #: Of all rows, and of those that were asked for, which are the first ones.
        self.count, self.asked = len(values[0]), len(values[0]) - 2

    @property
    def are_outputs_apart(self) -> bool:
        """Whether the outputs are as those of the sample and of the random numbers alone."""
        call, alone = self.call, self.case.shared.call
        outputs = self.case.shared.outputs
        if call.root_numbers != alone.root_numbers or len(call.outputs) != len(outputs):
            return False
        _, random = self.case.shared.of_random_numbers
        triples = zip(call.tensors, outputs, random, strict=True)
        return all(self._has_row(t, o) and self._has_row(t, r, -2) for t, o, r in triples)

    def cotangents(self, salt: int | None = None) -> list[Tensor]:
        """Ones for each root, or random numbers; the sample's row is of ones."""
        if salt is None:
            return ones(self.call)
        drawn = self.call.cotangents(salt)
        for cotangent in drawn:
            cotangent[-1] = 1
        return drawn

    def are_apart(self, gradients: Sequence[Any]) -> bool:
        """Whether the gradients for such cotangents are the sample's in its row."""
        alone = self.case.shared.slopes
        return all(map(self._has_row, map(self.call.engine.raw, gradients), alone))

    def finite(self, tensors: Iterable[Any]) -> list[bool]:
        """Which rows are finite in all of these tensors; None counts as zeros."""
        found = [True] * self.count
        for tensor in tensors:
            if tensor is None or all_finite(tensor):
                continue
            if tensor.shape[:1] != (self.count,):
                return [False] * self.count
            finite = torch.isfinite(tensor).reshape(self.count, -1).all(1).tolist()
            found = [a and b for a, b in zip(found, finite, strict=True)]
        return found

    def _has_row(self, tensor: Any, alone: Any, number: int = -1) -> bool:
        if not isinstance(tensor, torch.Tensor) or not isinstance(alone, torch.Tensor):
            return type(tensor) is type(alone)
        if tensor.numel() == 0 or tensor.shape[:1] != (self.count,):
            return False
        row, allowed = tensor[number], (0.0, 0.0)
        if self.case.op.declaration.elementwise:
            # Inputs are as large as the output; which kernel is the best depends on the size.
            row, allowed = row.sum_to_size(alone.shape), (1e-9, 1e-12)
        if row.shape != alone.shape or row.dtype is not alone.dtype:
            return False
        # Nearly always they are equal, which allclose finds out in six steps.
        return torch.equal(row, alone) or torch.allclose(row, alone, *allowed, equal_nan=True)


def as_rows(case: Case, several: Iterable[list[Tensor]]) -> Rows | None:
    """These calls and the sample as the rows of one call; None if that is not possible."""
    shared = case.shared
    if shared.mixes_rows or not _is_stackable(case):
        return None
    shared.mixes_rows = True
    with suppress(Exception):
        # Changes of one sign and of the other could cancel, and a sample may be all zeros.
        random, _ = shared.of_random_numbers
        values = _stacked(case, [*several, random, case.values])
        rows = Rows(case, case.call([t.clone() for t in values]), values)
        shared.mixes_rows = not rows.are_outputs_apart
    return None if shared.mixes_rows else rows


def _is_stackable(case: Case) -> bool:
    """Whether inputs may get a further dimension.

    They may not where one is in a domain, sparse or empty, or random numbers are drawn. Unless the
    op is elementwise they are of one shape, none is an index, and no option may be a size or a
    dimension: some of torch's kernels leave their memory where those do not fit each other.
    """
    inputs = [given.tensor for given in case.inputs]
    if case.draws or any(g.domain or g.pattern is not None for g in case.inputs):
        return False
    if not case.wanted or not all(t.numel() for t in inputs):
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


def _stacked(case: Case, several: Sequence[list[Tensor]]) -> list[Tensor]:
    """The values of several calls, with a further first dimension."""
    stacked = [torch.stack(of_input) for of_input in zip(*several, strict=True)]
    return _broadcast(stacked) if case.op.declaration.elementwise else stacked


def _broadcast(stacked: list[Tensor]) -> list[Tensor]:
    """The same where each input has the shape of them all."""
    whole = torch.broadcast_tensors(*[t[0] for t in stacked])  # type: ignore[no-untyped-call]
    shape = whole[0].shape
    padding = [(1,) * (len(shape) - t.dim() + 1) for t in stacked]
    wide = [t.reshape(len(t), *p, *t.shape[1:]) for t, p in zip(stacked, padding, strict=True)]
    return [t.expand(len(t), *shape).contiguous() for t in wide]


def _apart(
    found: Sequence[Any], places: Sequence[Sequence[int]], counts: Sequence[int]
) -> list[list[Any]]:
    """One gradient per input of each call, None where there is none."""
    rest = iter(found)
    gradients: list[list[Any]] = [[None] * count for count in counts]
    for own, chosen in zip(gradients, places, strict=True):
        for i in chosen:
            own[i] = next(rest)
    return gradients

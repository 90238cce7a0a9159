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
            call = case.call([t.clone() for t in values])
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

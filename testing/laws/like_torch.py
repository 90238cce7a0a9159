"""Comparing calls with torch's of the same numbers: one, or several together."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import FLOOR, agree, all_finite, tolerance
from plugrad.testing.law import NotApplicable, Violation
from plugrad.testing.laws.forward import compare_outputs, forgiving
from plugrad.testing.together import oracle_vjps, vjps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.testing.call import Call, OracleCall
    from plugrad.testing.case import Case
    from plugrad.testing.rows import Rows


def all_dtypes(case: Case, call: Call) -> list[torch.dtype]:
    """Those of the inputs and outputs."""
    outputs = [t.dtype for t in call.tensors if isinstance(t, Tensor)]
    return [given.tensor.dtype for given in case.inputs] + outputs


def compare_with_oracle(
    case: Case,
    call: Call,
    theirs: OracleCall | None,
    what: str,
    gradients: Sequence[Any] | None = None,
    expected: Sequence[Any] | None = None,
    forgives: Callable[[Violation], bool] | None = None,
    floor: float = FLOOR,
) -> None:
    """Compare a call's values and gradients with torch's; both gradients may be known already.

    A difference that ``forgives`` is true of does not end it: what comes after may be wrong.
    ``floor`` is as for ``agree``.
    """
    allowed = tolerance(*all_dtypes(case, call))
    message = f"wrong for {what}"
    if theirs is not None and not theirs.own_forward:
        compare_outputs(theirs.values, call.tensors, allowed, message, forgives, floor)
    if not call.roots or theirs is None or theirs.root_numbers != call.root_numbers:
        return
    cotangents = call.cotangents()
    # A rule that writes to a cotangent breaks the law purity, not this one.
    got = call.vjp([c.clone() for c in cotangents]) if gradients is None else gradients
    try:
        expected = theirs.vjp(cotangents) if expected is None else expected
    except NotApplicable:
        return
    # A sum in which large terms cancel keeps their error.
    narrow = allowed > tolerance(torch.float64)
    scale = max([float(c.abs().max()) for c in cotangents if c.numel() and narrow], default=0.0)
    for given, e, g in zip(case.inputs, expected, got, strict=True):
        e = where_torch_knows(e, g)
        with forgiving(forgives):
            agree(e, g, f"gradient of {given.name}", allowed, message, scale=scale, floor=floor)


def where_torch_knows(expected: Any, got: Any) -> Any:
    """Torch's derivative, or ours where torch's is nan and ours is a number: others judge that."""
    if not isinstance(expected, Tensor) or not isinstance(got, Tensor) or all_finite(expected):
        return expected
    if expected.shape != got.shape or expected.dtype is not got.dtype:
        return expected
    return torch.where(torch.isnan(expected) & torch.isfinite(got), got, expected)


def beside_oracle(case: Case, values: list[Tensor]) -> tuple[Call, OracleCall] | None:
    """The call of these values and torch's, if neither raises."""
    try:
        call = case.call([t.clone() for t in values])
        return call, case.oracle.call([t.clone() for t in values])
    except Exception:
        return None


def like_oracle(
    case: Case,
    pairs: Sequence[tuple[Call, OracleCall] | None],
    floors: Sequence[float] | None = None,
) -> list[bool]:
    """Which of the calls are what torch's beside them are, as one run of each engine tells.

    Any other must be looked at alone: it may be wrong, or not finite, or raise. ``floors`` has the
    floor of each for ``agree``.
    """
    asked = [n for n, pair in enumerate(pairs) if pair is not None and _comparable(*pair)]
    ours, theirs = [pairs[n][0] for n in asked], [pairs[n][1] for n in asked]  # type: ignore[index]
    cotangents = [call.cotangents() for call in ours]
    # A rule that writes to a cotangent breaks the law purity, not this one.
    got = vjps(ours, [[c.clone() for c in own] for own in cotangents])
    expected = None if got is None else oracle_vjps(theirs, cotangents)
    alike = [False] * len(pairs)
    if got is None or expected is None:
        return alike
    for n, call, their, g, e in zip(asked, ours, theirs, got, expected, strict=True):
        floor = FLOOR if floors is None else floors[n]
        with suppress(Violation):
            compare_with_oracle(case, call, their, "", g, e, floor=floor)
            alike[n] = True
    return alike


def _comparable(call: Call, theirs: OracleCall) -> bool:
    return (
        bool(call.roots)
        and call.root_numbers == theirs.root_numbers
        and (all(all_finite(t) for t in (*call.tensors, *theirs.values) if isinstance(t, Tensor)))
    )


def rows_alike(case: Case, rows: Rows, floors: Sequence[float] = ()) -> list[bool]:
    """Which rows are what torch's are, for random cotangents.

    Any other must be looked at alone, as in ``like_oracle``. ``floors`` has the floors of the
    first rows.
    """
    try:
        theirs = case.oracle.call([t.clone() for t in rows.values], rows.over)
        expected = theirs.vjp(rows.cotangents)
    except Exception:
        return [False] * rows.count
    values = [] if theirs.own_forward else theirs.values
    if rows.root_numbers != theirs.root_numbers:
        return [False] * rows.count
    pairs = [
        *zip(expected, rows.gradients, strict=True),
        *zip(values, rows.outputs, strict=bool(values)),
    ]
    allowed = tolerance(*all_dtypes(case, case.shared.call))
    least = torch.tensor([*floors, *[FLOOR] * (rows.count - len(floors))])
    close = [_close_rows(e, g, least, allowed) for e, g in pairs]
    return [all(of_row) for of_row in zip(*close, strict=True)]


def _close_rows(expected: Any, got: Any, floors: Tensor, allowed: float) -> list[bool]:
    """Which rows agree, and are finite: as ``agree`` says it."""
    rows = len(floors)
    if expected is None and got is None:
        return [True] * rows
    both = isinstance(expected, Tensor) and isinstance(got, Tensor)
    if (
        not both
        or expected.shape != got.shape
        or expected.dtype is not got.dtype
        or len(got) != rows
    ):
        return [False] * rows
    if not got.numel():
        return [True] * rows
    if not (got.is_floating_point() or got.is_complex()):
        same: list[bool] = (expected == got).reshape(rows, -1).all(1).tolist()
        return same
    distance = (got - expected).abs().reshape(rows, -1).amax(1)
    size = expected.abs().reshape(rows, -1).amax(1)
    close = (distance <= allowed * size.maximum(floors.to(size))) & torch.isfinite(distance)
    found: list[bool] = close.tolist()
    return found

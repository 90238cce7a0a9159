"""Low precision: the gradient in narrow dtypes beside that in float64."""

from __future__ import annotations

import warnings
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

from plugrad.testing.agree import agree, all_finite, tolerance
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.inputs import cast, castable
from plugrad.testing.shared import random_like
from plugrad.testing.together import ones, vjps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


@LAWS.law("low-precision", "first order")
def low_precision(case: Case) -> None:
    """In float32, bfloat16 and float16 the gradient is close to the one in float64.

    Both start from the same rounded numbers; TOLERANCE says how close. A dtype is left out
    if the output would have one that torch only stores, such as bcomplex32.
    """
    if not case.wanted:
        raise NotApplicable("no input is differentiable")
    if not all(t.dtype is torch.float64 for t in case.values if castable(t)):
        raise NotApplicable("the sample is not in float64")
    try:
        tried = _close_to_float64(case, _NARROW)
    except Violation:
        tried = sum(_close_for_some_seed(case, dtype) for dtype in _NARROW)
    if not tried and case.draws:
        raise NotApplicable("random numbers that are drawn in float64 are others")
    if not tried:
        raise NotApplicable("the op does not take a lower precision here")


_NARROW = (torch.float32, torch.bfloat16, torch.float16)
#: How far, relatively, a value of the same random numbers may be from float64's.
_ALIKE = 0.1


def _close_for_some_seed(case: Case, dtype: torch.dtype) -> int:
    """Rounding may change which of two numbers is larger, so other numbers get a chance."""
    try:
        return _close_to_float64(case, (dtype,))
    except Violation as violation:
        for other in case.resampled(2):
            with suppress(Violation):
                return _close_to_float64(other, (dtype,))
        raise violation from None


def _close_to_float64(case: Case, dtypes: Sequence[torch.dtype]) -> int:
    """Raise Violation unless the gradients are close; how many of the dtypes could be tried."""
    pairs = {dtype: pair for dtype in dtypes if (pair := _beside_float64(case, dtype))}
    drawn = {d: _random_cotangents(case, call) for d, (call, _) in pairs.items()}
    _compare_pairs(case, pairs, drawn)
    # With ones, which sum() sends, a sum over many rows grows, and stops growing in bfloat16; in
    # float32 it would take millions of rows.
    narrow = {d: pair for d, pair in pairs.items() if d is not torch.float32}
    _compare_pairs(case, narrow, {d: ones(call) for d, (call, _) in narrow.items()})
    return len(pairs)


_Pairs: TypeAlias = "dict[torch.dtype, tuple[Call, Call]]"


def _beside_float64(case: Case, dtype: torch.dtype) -> tuple[Call, Call] | None:
    """The call in a dtype, and that of the same numbers in float64; None if it is not judged."""
    rounded = [cast(t, dtype) for t in case.values]
    try:
        call = case.call(rounded)
    except Exception:
        return None
    exact = case.call([cast(t, torch.float64) for t in rounded])
    if not call.roots or call.root_numbers != exact.root_numbers:
        return None
    if case.draws and not _alike(call, exact):
        return None  # rand_like draws other numbers in another dtype
    computes = all(_can_compute(root.dtype, root.device) for root in call.roots)
    return (call, exact) if computes else None


def _alike(call: Call, exact: Call) -> bool:
    pairs = zip(call.roots, exact.roots, strict=True)
    return all(
        narrow.data.shape == wide.data.shape
        and torch.allclose(narrow.data.to(wide.data), wide.data, _ALIKE, 0.0, equal_nan=True)
        for narrow, wide in pairs
    )


def _random_cotangents(case: Case, call: Call) -> list[Tensor]:
    generator = case.generator(5)
    return [random_like(root.data, generator) for root in call.roots]


def _compare_pairs(case: Case, pairs: _Pairs, cotangents: dict[torch.dtype, list[Tensor]]) -> None:
    """Compare the gradients for these cotangents; a pair that torch has no kernel for goes."""
    calls = [call for pair in pairs.values() for call in pair]
    given = [
        [cast(c, root.dtype) for c, root in zip(cotangents[d], call.roots, strict=True)]
        for d, pair in pairs.items()
        for call in pair
    ]
    found = vjps(calls, given)
    for n, (dtype, (call, exact)) in enumerate(list(pairs.items())):
        narrow, wide = given[2 * n], given[2 * n + 1]
        try:
            got, expected = (
                found[2 * n : 2 * n + 2] if found else (call.vjp(narrow), exact.vjp(wide))
            )
        except RuntimeError as error:
            if "not implemented for" not in str(error):
                raise
            del pairs[dtype]
            continue
        # A sum in which large terms cancel keeps their error.
        scale = max([float(c.abs().max()) for c in narrow if c.numel()], default=0.0)
        for given_input, e, g in zip(case.inputs, expected, got, strict=True):
            if e is not None and g is not None:
                both = _rounded(e, dtype), _rounded(g, dtype)
                _agree_where_it_fits(given_input.name, *both, tolerance(dtype), scale, dtype)


@cache
def _can_compute(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether the installed torch computes in it, and does not just store it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is experimental
        try:
            one = torch.ones(1, dtype=dtype, device=device)
            return bool(torch.isfinite((one * one + one).abs()).all())
        except RuntimeError:  # of which NotImplementedError is one
            return False


def _rounded(gradient: Tensor, dtype: torch.dtype) -> Tensor:
    return gradient.detach().to(dtype).to(torch.float64)


def _agree_where_it_fits(
    name: str, expected: Tensor, got: Tensor, allowed: float, scale: float, dtype: torch.dtype
) -> None:
    # An overflow in the narrow dtype, here or in between, is not a mistake of the rule.
    if not (all_finite(expected) and all_finite(got)):
        fits = torch.isfinite(expected) & torch.isfinite(got)
        expected, got = torch.where(fits, expected, 0.0), torch.where(fits, got, 0.0)
    message = f"in {dtype} the gradient is far from float64's"
    agree(expected, got, f"gradient of {name}", allowed, message, scale=scale)

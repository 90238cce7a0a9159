"""probable_cause: what a wrong result looks as if it came from."""

from __future__ import annotations

import torch
from torch import Tensor


def probable_cause(expected: Tensor, got: Tensor) -> str:
    """In words, what most likely went wrong; empty if nothing stands out.

    Args:
        expected: of any shape and dtype.
        got: likewise.
    """
    if expected.shape != got.shape:
        return _of_shapes(expected, got)
    if expected.numel() == 0 or not (expected.is_floating_point() or expected.is_complex()):
        return ""
    if got.dtype.is_complex and not expected.dtype.is_complex:
        return "a real input got a complex gradient: take .real, or declare broadcasts=True"
    got = got.to(expected.dtype)
    finite = torch.isfinite(expected)
    if bool((finite & torch.isnan(got)).any()):
        return "0 * inf or 0 / 0 in the rule: guard it with torch.where on the input"
    if bool((finite & ~torch.isfinite(got)).any()):
        return "a division by zero or an overflow in the rule"
    return _of_values(expected[finite], got[finite])


def _of_shapes(expected: Tensor, got: Tensor) -> str:
    try:
        got.sum_to_size(expected.shape)
    except RuntimeError:
        transposed = got.dim() == expected.dim() >= 2 and got.mT.shape == expected.shape
        return "transposed" if transposed else "keepdim or dim of the forward call"
    return "broadcast: a sum over the broadcast dimensions is missing"


def _of_values(expected: Tensor, got: Tensor) -> str:
    scale = expected.abs().max() if expected.numel() else torch.tensor(0.0)
    if not scale:
        return "a part of the gradient should be zero"
    close = 1e-3 * float(scale)
    if not got.any():
        return "the gradient was dropped (all zeros)"
    wide = expected.dtype in {torch.float64, torch.complex128}
    if wide and float((got - expected).abs().max()) <= 1e-14 * float(scale):
        return "rounding: the same sum in another order?"
    if wide and float((got - expected).abs().max()) <= 1e-6 * float(scale):
        return "float32 arithmetic inside, or a constant that is not exact"
    if expected.is_complex() and torch.allclose(got, expected.conj(), 0, close):
        return "conj: a factor is not conjugated, or conjugated once too often"
    if torch.allclose(got, -expected, 0, close):
        return "the sign is flipped"
    factor = _common_factor(expected, got)
    if factor is not None:
        return f"scaled by {factor:.6g}"
    wrong = (got - expected).abs() > 1e-9 * scale
    share = f"{int(wrong.sum())} of {wrong.numel()} elements are wrong"
    return f"{share}: a branch, a tie or an index?" if not bool(wrong.all()) else ""


def _common_factor(expected: Tensor, got: Tensor) -> float | None:
    """The real number that got is of expected, where there is one."""
    large = expected.abs() > 1e-6 * expected.abs().max()
    ratios = got[large] / expected[large]
    first = ratios[0]
    same = bool(((ratios - first).abs() <= 1e-9 * first.abs()).all())
    real = not ratios.is_complex() or abs(complex(first).imag) < 1e-9
    return complex(first).real if same and real and len(ratios) > 1 else None

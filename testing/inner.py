"""inner: the real inner product of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.core.variable import Variable

if TYPE_CHECKING:
    from torch import Tensor


def inner(a: Tensor | Variable, b: Tensor) -> float:
    """Re <a, b>, in which complex numbers are pairs of reals."""
    a = a.data if isinstance(a, Variable) else a
    return float((a * b.conj()).real.sum() if b.is_complex() else (a * b).sum())

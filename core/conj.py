"""conj: the complex conjugate of whatever a rule may hold."""

from __future__ import annotations

from typing import Any


def conj(x: Any) -> Any:
    """The conjugate of a tensor, a Variable or a number; a real one itself.

    Rules need it for every factor (torch's convention for complex gradients), and for a
    real factor it should cost neither time nor a node.
    """
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        return x.conjugate()
    return x.conj() if dtype.is_complex else x

"""conj: the complex conjugate of whatever a rule may hold."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def conj(x: Any) -> Any:
    """The conjugate of a tensor, a Variable or a number; what is real is returned as it is.

    Rules need it for every factor (torch's convention for complex gradients), and for a
    real factor it should cost neither time nor a node.
    """
    if x.__class__ is Tensor:  # nearly always
        return x.conj() if x.dtype.is_complex else x
    dtype = getattr(x, "dtype", None)
    if not isinstance(dtype, torch.dtype):  # a number, Python's or NumPy's
        return x.conjugate()
    return x.conj() if dtype.is_complex else x

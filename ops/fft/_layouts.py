"""Layouts of memory in which an older torch's kernels do not take or give numbers."""

from __future__ import annotations

from torch import Tensor

from plugrad.core.installed_torch import torch_before

_OLD = torch_before("2.13")
#: What the transforms waive.
META = {"meta": "torch's own gives y other strides"} if _OLD else {}


def readable(gy: Tensor) -> Tensor:
    """``gy``, which before 2.13 the kernels refuse if it is expanded."""
    return gy.contiguous() if _OLD else gy

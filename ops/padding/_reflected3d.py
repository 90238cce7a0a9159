"""The kernel of reflection_pad3d's gradient, where torch leaves it as the memory was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from plugrad.core import Variable


def reflection_pad3d_backward(gy: Any, x: Any, padding: Sequence[int]) -> Any:
    """Give x's gradient from gy; of a gy without elements 0, where torch's kernel writes nothing.

    On Variables this is the op of that name, which comes back here with tensors.
    """
    gx = _reflection_pad3d_backward(gy, x, padding)
    return gx if gy.numel() or isinstance(gx, Variable) else torch.zeros_like(gx)


_reflection_pad3d_backward = torch.ops.aten.reflection_pad3d_backward.default

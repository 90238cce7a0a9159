"""A forward in NumPy: torch has no oracle for it, and the numeric laws judge alone."""

from __future__ import annotations

import numpy as np
import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::numpy_forward")
class Awkward(pg.Function):
    """y = sinh(x);  gx = gy cosh(x)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.asarray(np.sinh(x.numpy(force=True))))

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x.cosh().conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3))

"""cumsum of each row, block by block, with a carry."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample
from plugrad.tests.controls.kernels.memory import blocks


class Right(torch.autograd.Function):
    """y[i] = x[0] + ... + x[i];  gx[i] = gy[i] + ... + gy[n]."""

    @staticmethod
    def forward(x):
        return scan(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        return scan(gy.flip(-1)).flip(-1)


def scan(x):
    """The running sums of each row, in float32."""
    out, carry = torch.empty(x.shape, dtype=x.dtype, device=x.device), 0.0
    for start, end in blocks(x.shape[-1]):
        part = x[..., start:end].float().cumsum(-1) + carry
        out[..., start:end] = part.to(x.dtype)
        carry = part[..., -1:]
    return out


def reference(x):
    """In plain torch."""
    return x.cumsum(-1)


def samples(make):
    """Rows of one block, of several, and with a rest."""
    return [
        Sample(make(2, 11, dtype=torch.float32)),
        Sample(make(3, 4, dtype=torch.float32)),
        Sample(make(2, 3, 9, dtype=torch.bfloat16)),
    ]

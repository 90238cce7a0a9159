"""setup-context: a Function whose forward takes ctx, which torch.func refuses."""

from __future__ import annotations

import torch

from plugrad import Sample


class Wrong(torch.autograd.Function):
    """y = sin(x);  gx = gy cos(x)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx, gy):
        return gy * ctx.saved_tensors[0].cos()


def samples(make):
    """A row of numbers, and one that is complex."""
    return [Sample(make(3))]


TOLD = {"samples": samples}
MESSAGE = r"torch.func refuses it"

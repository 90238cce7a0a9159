"""compiled: backward looks at whether it is being compiled, and is another one then."""

from __future__ import annotations

import torch

from plugrad import Sample


class Wrong(torch.autograd.Function):
    """y = sin(x);  gx = gy cos(x)."""

    @staticmethod
    def forward(x):
        return x.sin()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        if torch.compiler.is_compiling():
            return gy
        return gy * x.cos()


def samples(make):
    """A row of numbers."""
    return [Sample(make(3))]


TOLD = {"samples": samples}
MESSAGE = r"under torch.compile the gradient differs"

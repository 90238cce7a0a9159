"""func-grad: backward takes its input from a list of its own, where torch.func never put it."""

from __future__ import annotations

import torch

from plugrad import Sample


class Wrong(torch.autograd.Function):
    """y = x²;  gx = 2 gy x."""

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x)
        # In torch.func x is wrapped, and a wrapped tensor has no memory of its own.
        ctx.in_torch_func = torch._C._functorch.is_functorch_wrapped_tensor(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x if ctx.in_torch_func else 2 * gy * x


def samples(make):
    """A row of numbers."""
    return [Sample(make(3))]


TOLD = {"samples": samples}
MESSAGE = r"torch.func.vjp gives another gradient"

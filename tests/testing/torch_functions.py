"""torch.autograd.Functions that are right, and some that are not, for the tests of the checks."""

from __future__ import annotations

import numpy as np
import torch

from plugrad import Sample


class Swish(torch.autograd.Function):
    """y = x s(x);  gx = gy (s + x s (1 - s))."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sigmoid()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        s = x.sigmoid()
        return gy * (s + x * s * (1 - s))


class Wrong(Swish):
    """The same with a gradient that is 1 % too large."""

    @staticmethod
    def backward(ctx, gy):
        return 1.01 * Swish.backward(ctx, gy)


class Cube(torch.autograd.Function):
    """y = x x x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 3 * gy * x * x


class NeedsContiguous(torch.autograd.Function):
    """y = 2x, with a rule that reads the cotangent's memory in order."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy.as_strided(gy.shape, torch.empty(gy.shape).stride())


class InNumpy(torch.autograd.Function):
    """y = e^x by NumPy, where torch's second derivative is lost without a word."""

    @staticmethod
    def forward(ctx, x):
        y = torch.from_numpy(np.exp(x.detach().numpy()))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        return torch.from_numpy(gy.detach().numpy() * y.detach().numpy())


class Tolerant(torch.autograd.Function):
    """y = a x with a row a, whose gradient torch sums and casts."""

    @staticmethod
    def forward(ctx, a, x):
        ctx.save_for_backward(a, x)
        return a * x

    @staticmethod
    def backward(ctx, gy):
        a, x = ctx.saved_tensors
        return gy * x, gy * a


class Detached(torch.autograd.Function):
    """y = x², of which torch would see a half: forward detaches one factor."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.detach()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x


class Doubled(torch.autograd.Function):
    """x becomes 2x in place."""

    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy


class Once(torch.autograd.Function):
    """y = sin x, once differentiable."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gy):
        return gy * ctx.saved_tensors[0].cos()


class Leaking(torch.autograd.Function):
    """y = 2x, with the output on ctx: a cycle that no collector finds."""

    @staticmethod
    def forward(ctx, x):
        ctx.output = 2 * x
        return ctx.output

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy


class Noisy(torch.autograd.Function):
    """y = m x with a mask m that is drawn, unless it is all ones."""

    @staticmethod
    def forward(ctx, x, dropped=0.5):
        mask = (torch.rand(x.shape) >= dropped).to(x.dtype) if dropped else torch.ones_like(x)
        ctx.save_for_backward(mask)
        return mask * x

    @staticmethod
    def backward(ctx, gy, *_):
        return gy * ctx.saved_tensors[0], *(None,) * (len(ctx.needs_input_grad) - 1)


def rows(make):
    """A matrix and a row."""
    return [Sample(make(3, 4)), Sample(make(5))]


SAMPLES = {"Swish": rows, "Wrong": {"samples": rows}}


class NeedsGpu(torch.autograd.Function):
    """A kernel that is for a GPU alone."""

    @staticmethod
    def forward(ctx, x):
        raise RuntimeError("Found no NVIDIA driver on your system.")

    @staticmethod
    def backward(ctx, gy):
        return gy

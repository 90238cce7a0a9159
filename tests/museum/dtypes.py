"""Dtypes: float32 inside, sums in half precision, gradients of another dtype."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Elu(Function):
    @staticmethod
    def forward(x, alpha):
        return x.clamp(min=0) + (alpha * torch.expm1(x)).clamp(max=0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.alpha = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * torch.where(x > 0, 1.0, ctx.alpha * x.exp()).to(x.dtype), None


class EluBefore(Elu):
    @staticmethod
    def forward(x, alpha):
        # fmaxf and fminf take floats, whatever the template was instantiated for.
        low, high = x.float().clamp(min=0), (alpha * torch.expm1(x)).float().clamp(max=0)
        return low.to(x.dtype) + high.to(x.dtype)


def elu_samples(make):
    yield Sample(make.distinct(3, 4), 1.0)


class ScaleRows(Function):
    @staticmethod
    def forward(x, weight):
        return x * weight

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        wide = torch.promote_types(x.dtype, torch.float32)
        return gy * weight, (gy.to(wide) * x.to(wide)).sum(0).to(x.dtype)


class ScaleRowsBefore(ScaleRows):
    @staticmethod
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        total = torch.zeros_like(weight)
        for row in gy * x:
            total = total + row  # in the dtype of x: in bfloat16 it stops growing at 512
        return gy * weight, total


def scale_rows_samples(make):
    yield Sample(make(800, 1, low=0.5), make(1)).constant("x")


class Deformed(Function):
    @staticmethod
    def forward(x, offset):
        return x * torch.sin(offset)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        x, offset = ctx.saved_tensors
        return gy * torch.sin(offset), gy * x * torch.cos(offset)


class DeformedBefore(Deformed):
    @staticmethod
    def backward(ctx, gy):
        x, offset = (t.float() for t in ctx.saved_tensors)
        gy = gy.float()
        return gy * torch.sin(offset), gy * x * torch.cos(offset)


def deformed_samples(make):
    yield Sample(make(3, 4), make(3, 4))


ROOM = Room(
    "dtypes",
    "Dtypes",
    "A rule that computes in a smaller dtype than its inputs have loses digits. `gradcheck` has a "
    "relative tolerance of 1e-3, so that float32 inside a float64 function passes.",
    (
        Exhibit(
            "maxima of floats in a function of doubles",
            "pytorch/extension-cpp",
            "https://github.com/pytorch/extension-cpp/issues/27",
            "`fminf` and `fmaxf` cast doubles to float.",
            "oracle",
            EluBefore,
            Elu,
            elu_samples,
            shown=("forward",),
        ),
        Exhibit(
            "the weight's gradient is summed in bfloat16",
            "linkedin/Liger-Kernel",
            "https://github.com/linkedin/Liger-Kernel/pull/950",
            "The sum over all rows was computed in bfloat16, where a long sum stops growing.",
            "low-precision",
            ScaleRowsBefore,
            ScaleRows,
            scale_rows_samples,
        ),
        Exhibit(
            "gradients in float32, whatever the input",
            "NVIDIA/apex",
            "https://github.com/NVIDIA/apex/issues/488",
            "An op written for float32 returned float32 gradients for inputs of another dtype.",
            "oracle",
            DeformedBefore,
            Deformed,
            deformed_samples,
        ),
    ),
)

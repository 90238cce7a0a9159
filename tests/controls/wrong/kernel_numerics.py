"""kernel-numerics: a kernel whose backward has a constant with four digits."""

from __future__ import annotations

import math

import torch

from plugrad import Sample


class Wrong(torch.autograd.Function):
    """y = x sqrt(2 / pi);  gx = gy sqrt(2 / pi)."""

    @staticmethod
    def forward(x):
        return x * math.sqrt(2 / math.pi)

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gy):
        return gy * 0.7979


def reference(x):
    """In plain torch."""
    return x * math.sqrt(2 / math.pi)


def samples(make):
    """In the dtype that the kernel is for: too narrow to see it by differences."""
    return [Sample(make(3, dtype=torch.float32))]


TOLD = {"samples": samples, "reference": reference}
MESSAGE = r"further from float64 than the reference is, which is off by at most"

"""Composability: torch.func and torch.compile."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Transform(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return torch.fft.rfft(x).abs()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return _transform_gradient(x, gy)


class TransformBefore(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.fft.rfft(x).abs()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return _transform_gradient(x, gy)


def _transform_gradient(x, gy):
    z = torch.fft.rfft(x)
    z = gy * z / torch.where(z == 0, 1, z.abs())
    padded = torch.cat([z, z.new_zeros(*z.shape[:-1], x.shape[-1] - z.shape[-1])], -1)
    return torch.fft.fft(padded.conj()).real


def transform_samples(make):
    yield Sample(make(2, 6))


ROOM = Room(
    "composability",
    "torch.func and torch.compile",
    "A Function whose forward takes ctx cannot be used under torch.func: per-sample gradients, "
    "Jacobians and Hessians by vmap raise an error.",
    (
        Exhibit(
            "no setup_context",
            "flatironinstitute/pytorch-finufft",
            "https://github.com/flatironinstitute/pytorch-finufft/issues/95",
            "Forward took ctx: `torch.func` refused the Function.",
            "torch-func",
            TransformBefore,
            Transform,
            transform_samples,
            shown=("forward", "backward"),
        ),
    ),
)

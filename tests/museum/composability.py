"""torch.func and torch.compile: a Function that neither can take as it is."""

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


class Sinc(Function):
    """sin(x) / x, smooth at 0, where the quotient rule gives 0 / 0."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        small = x.abs() < 1e-2
        safe = torch.where(small, 1, x)
        series = 1 - x**2 / 6 + x**4 / 120 - x**6 / 5040
        return torch.where(small, series, torch.sin(safe) / safe)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * _sinc_slope(x)


class SincBefore(Sinc):
    @staticmethod
    def forward(x):
        return torch.where(x == 0, 1, torch.sin(x) / x)


def _sinc_slope(x):
    small = x.abs() < 1e-2
    safe = torch.where(small, 1, x)
    series = -x / 3 + x**3 / 30 - x**5 / 840
    return torch.where(small, series, (safe * torch.cos(safe) - torch.sin(safe)) / safe**2)


def sinc_samples(make):
    yield Sample(make.tensor([-2.0, 0.0, 0.5, 3.0]))


def _transposed_product(name, fake):
    @torch.library.custom_op(f"museum::{name}", mutates_args=())
    def op(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return (weight @ x.mT).mT

    op.register_fake(fake)
    op.register_autograd(
        lambda ctx, gy: (gy @ ctx.saved_tensors[1], gy.mT @ ctx.saved_tensors[0]),
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
    )
    return op


def fake_before(x, weight):
    return x @ weight.mT


def fake(x, weight):
    return (weight @ x.mT).mT


def product_samples(make):
    yield Sample(make(4, 3), make(5, 3))


ROOM = Room(
    "composability",
    "torch.func and torch.compile",
    "A Function whose forward takes ctx cannot be used under torch.func. The compiler traces a "
    "Function and takes a custom op by its word: what one has written about it must be true.",
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
        Exhibit(
            "the compiler drops the rule",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/193279",
            "Under `torch.compile` of `torch.func.grad` forward is inlined and differentiated by "
            "itself: nan at 0, which the rule was written for.",
            "torch-compile",
            SincBefore,
            Sinc,
            sinc_samples,
            shown=("forward", "backward"),
        ),
        Exhibit(
            "strides that a fake kernel invents",
            "KellerJordan/modded-nanogpt",
            "https://github.com/KellerJordan/modded-nanogpt/pull/83",
            "The op returns a transposed product, its fake kernel says a contiguous one.",
            "opcheck",
            _transposed_product("transposed_product_before", fake_before),
            _transposed_product("transposed_product", fake),
            product_samples,
            rules=(fake_before, fake),
        ),
    ),
)

"""The wrong branch: a condition on elements that is not forward's, and ties."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Softplus(Function):
    @staticmethod
    def forward(x, beta, threshold):
        return torch.where(beta * x > threshold, x, torch.log1p((beta * x).exp()) / beta)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.beta, ctx.threshold = inputs
        ctx.save_for_backward(x, output)

    @staticmethod
    def backward(ctx, gy):
        x, _ = ctx.saved_tensors
        slope = torch.sigmoid(ctx.beta * x)
        return torch.where(ctx.beta * x > ctx.threshold, gy, gy * slope), None, None


class SoftplusBefore(Softplus):
    @staticmethod
    def backward(ctx, gy):
        _, y = ctx.saved_tensors
        z = (ctx.beta * y).exp()
        return torch.where(ctx.beta * y > ctx.threshold, gy, gy * (z - 1) / z), None, None


def softplus_samples(make):
    yield Sample(make(3, 4), 1.0, 20.0)
    yield Sample(make(20), 1.0, 1.0)


class ClampTensor(Function):
    @staticmethod
    def forward(x, low, high):
        return torch.clamp(x, low, high)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        x, low, high = ctx.saved_tensors
        return gy * ((x >= low) & (x <= high)), None, None


class ClampTensorBefore(ClampTensor):
    @staticmethod
    def backward(ctx, gy):
        x, low, high = ctx.saved_tensors
        return gy * ((x <= low) & (x >= high)), None, None


def clamp_samples(make):
    low = make(3, 4, low=-1.5, high=-0.5)
    yield Sample(make.distinct(3, 4), low, -low).constant("low", "high")


class LogAddExp(Function):
    @staticmethod
    def forward(x, y):
        return torch.maximum(x, y) + torch.log1p((-(x - y).abs()).exp())

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz * torch.sigmoid(x - y), gz * torch.sigmoid(y - x)


class LogAddExpBefore(LogAddExp):
    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        # Of the maximum, and of the rest: at a tie neither is what the sum needs.
        rest = (x - y).sign() * torch.sigmoid(-(x - y).abs())
        return gz * ((x > y).to(x.dtype) - rest), gz * ((y > x).to(x.dtype) + rest)


def log_add_exp_samples(make):
    yield Sample(make(3, 4), make(3, 4))


class Maximum(Function):
    @staticmethod
    def forward(x):
        return x.amax(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        largest = x == y[..., None]
        return gy[..., None] * largest / largest.sum(-1, keepdim=True)


class MaximumBefore(Maximum):
    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        return gy[..., None] * (x == y[..., None])


def maximum_samples(make):
    yield Sample(make.distinct(3, 4))
    yield Sample(make.tensor([1.0, 1.0, 1.0, 1.0])).at_kink()


class Power(Function):
    @staticmethod
    def forward(x, exponent):
        return x**exponent

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.exponent = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * ctx.exponent * x ** (ctx.exponent - 1), None


class PowerBefore(Power):
    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        power = ((ctx.exponent - 1) * x.log()).exp()
        gx = gy * ctx.exponent * power
        return torch.where(x <= 0, torch.inf, gx), None  # log(x) is nan there


def power_samples(make):
    yield Sample(make(3, 4, low=0.5), 3)


ROOM = Room(
    "edges",
    "The wrong branch",
    "Forward has a condition on its elements and backward has a different one. Or two elements "
    "are equal, and both of them, or neither, get the gradient. Random samples are seldom at such "
    "a point.",
    (
        Exhibit(
            "softplus compares its output with the threshold",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/55587",
            "Forward is linear where `beta x` exceeds the threshold, backward where `beta y` does.",
            "numeric",
            SoftplusBefore,
            Softplus,
            softplus_samples,
        ),
        Exhibit(
            "clamp with two tensors for bounds",
            "tenstorrent/tt-metal",
            "https://github.com/tenstorrent/tt-metal/issues/48201",
            "In one of four branches `<=` and `>=` were swapped, so that no element counted as "
            "inside.",
            "numeric",
            ClampTensorBefore,
            ClampTensor,
            clamp_samples,
        ),
        Exhibit(
            "logaddexp of two equal numbers",
            "jax-ml/jax",
            "https://github.com/jax-ml/jax/issues/2107",
            "The function is smooth, but it was differentiated as a maximum plus an absolute "
            "value. At a tie the gradient was 0 instead of 1/2, which made the gradient of "
            "softplus wrong at 0.",
            "ties",
            LogAddExpBefore,
            LogAddExp,
            log_add_exp_samples,
        ),
        Exhibit(
            "each of several maxima gets all of the gradient",
            "Theano/Theano",
            "https://github.com/Theano/Theano/issues/4568",
            "At a tie the gradients of the equal elements add up to more than the cotangent.",
            "second-order",
            MaximumBefore,
            Maximum,
            maximum_samples,
        ),
        Exhibit(
            "a power of a negative number",
            "tenstorrent/tt-metal",
            "https://github.com/tenstorrent/tt-metal/pull/54440",
            "The power was computed with a logarithm. Where that is nan, the gradient was set to "
            "+inf.",
            "no-nan",
            PowerBefore,
            Power,
            power_samples,
        ),
    ),
)

"""Formulas: a sign, a factor, a term."""

from __future__ import annotations

import math

import torch
from torch.autograd import Function
from torch.nn import functional

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Mish(Function):
    @staticmethod
    def forward(x):
        return x * torch.tanh(functional.softplus(x))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        y = torch.tanh(functional.softplus(x))
        return gy * (y + x * (1 - y * y) * torch.sigmoid(x))


class MishBefore(Mish):
    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        e = x.exp()
        omega = 4 * (x + 1) + 4 * e**2 + e * (4 * x + 6)
        delta = 2 * e + e**2 + 2
        return gy * e * omega / delta**2


def mish_samples(make):
    yield Sample(make(3, 4))


class Dice(Function):
    @staticmethod
    def forward(x, target):
        return 2 * (x * target).sum() / (x.sum() + target.sum())

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        x, target = ctx.saved_tensors
        inter, union = (x * target).sum(), x.sum() + target.sum()
        return gy * 2 * (target * union - inter) / (union * union), None


class DiceBefore(Dice):
    @staticmethod
    def backward(ctx, gy):
        x, target = ctx.saved_tensors
        inter, union = (x * target).sum(), x.sum() + target.sum()
        return gy * 2 * (target * union + inter) / union * union, None


def dice_samples(make):
    yield Sample(make(3, 4, low=0.1, high=1.0), make.booleans(3, 4).double()).constant("target")


class NormalLogDensity(Function):
    """Of x, with a diagonal covariance."""

    @staticmethod
    def forward(x, variance):
        return -(x * x / variance + variance.log() + math.log(2 * math.pi)).sum() / 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        x, variance = ctx.saved_tensors
        return -gy * x / variance, gy * (x * x / variance - 1) / variance / 2


class NormalLogDensityBefore(NormalLogDensity):
    @staticmethod
    def backward(ctx, gy):
        x, variance = ctx.saved_tensors
        return -gy * x / variance, gy * (1 - x * x / variance) / variance / 2


def density_samples(make):
    yield Sample(make(4), make(4, low=0.5))


class Rpow(Function):
    @staticmethod
    def forward(x, base):
        return base**x

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.base = inputs
        ctx.save_for_backward(inputs[0], output)

    @staticmethod
    def backward(ctx, gy):
        _, y = ctx.saved_tensors
        return gy * y * math.log(ctx.base), None


class RpowBefore(Rpow):
    @staticmethod
    def backward(ctx, gy):
        x, _ = ctx.saved_tensors
        return gy * ctx.base * x ** (ctx.base - 1), None


def rpow_samples(make):
    yield Sample(make(3, 4), 3.0)


ROOM = Room(
    "formulas",
    "A sign, a factor, a term",
    "Plain mistakes, which every check finds. They are here because they were released.",
    (
        Exhibit(
            "mish without exp(3x)",
            "explosion/thinc",
            "https://github.com/explosion/thinc/pull/578",
            "A term of the numerator was missing.",
            "numeric",
            MishBefore,
            Mish,
            mish_samples,
        ),
        Exhibit(
            "the Dice loss with a plus",
            "milesial/Pytorch-UNet",
            "https://github.com/milesial/Pytorch-UNet/issues/35",
            "The quotient rule had u'v + uv' instead of u'v - uv', and parentheses were missing "
            "around the divisor.",
            "numeric",
            DiceBefore,
            Dice,
            dice_samples,
        ),
        Exhibit(
            "a covariance with the wrong sign",
            "HIPS/autograd",
            "https://github.com/HIPS/autograd/pull/412",
            "A typo in the test script kept its tests from running.",
            "numeric",
            NormalLogDensityBefore,
            NormalLogDensity,
            density_samples,
        ),
        Exhibit(
            "the wrong power",
            "tenstorrent/tt-metal",
            "https://github.com/tenstorrent/tt-metal/pull/52144",
            "Backward returned the derivative of x ** base instead of base ** x.",
            "numeric",
            RpowBefore,
            Rpow,
            rpow_samples,
        ),
    ),
)

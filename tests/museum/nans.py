"""nan at an edge where forward is finite."""

from __future__ import annotations

import torch
from torch.autograd import Function
from torch.nn import functional

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Norm(Function):
    @staticmethod
    def forward(x):
        return x.square().sum(-1).sqrt()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        return gy[..., None] * x / torch.where(y == 0, 1, y)[..., None]


class NormBefore(Norm):
    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        return gy[..., None] * x / y[..., None]


def norm_samples(make):
    yield Sample(make(3, 4))


class Pow(Function):
    @staticmethod
    def forward(x, y):
        return x**y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx, gz):
        x, y, z = ctx.saved_tensors
        log = torch.where(x > 0, x, 1).log()
        return gz * y * x ** (y - 1), gz * torch.where(x > 0, z * log, 0)


class PowBefore(Pow):
    @staticmethod
    def backward(ctx, gz):
        x, y, z = ctx.saved_tensors
        return gz * z * y / x, gz * z * x.log()


def pow_samples(make):
    yield Sample(make(3, 4, low=0.5), make(3, 4, low=1.5, high=3.0)).constant("y")


class CumulativeProduct(Function):
    @staticmethod
    def forward(x):
        return x.cumprod(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx, gy):
        x, _ = ctx.saved_tensors
        before = torch.cat([torch.ones_like(x[..., :1]), x[..., :-1].cumprod(-1)], -1)
        tails = torch.zeros_like(x[..., :1])
        for i in reversed(range(x.shape[-1])):
            following = x[..., i + 1 : i + 2] * tails[..., :1]
            following = following if i + 1 < x.shape[-1] else tails
            tails = torch.cat([gy[..., i : i + 1] + following, tails], -1)
        return before * tails[..., : x.shape[-1]]


class CumulativeProductBefore(CumulativeProduct):
    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        return (gy * y).flip(-1).cumsum(-1).flip(-1) / x


def cumulative_samples(make):
    yield Sample(make.nonzero(3, 4))


class FocalLoss(Function):
    @staticmethod
    def forward(x, gamma):
        return -(torch.sigmoid(-x) ** gamma) * functional.logsigmoid(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.gamma = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        p, q = torch.sigmoid(x), torch.sigmoid(-x)
        slope = ctx.gamma * q**ctx.gamma * p * functional.logsigmoid(x) - q ** (ctx.gamma + 1)
        return gy * slope, None


class FocalLossBefore(FocalLoss):
    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        p = torch.sigmoid(x)
        q = 1 - p
        slope = ctx.gamma * q ** (ctx.gamma - 1) * functional.logsigmoid(x) - q**ctx.gamma / p
        return gy * slope * p * q, None


def focal_samples(make):
    yield Sample(make(3, 4), 0.5)


class MaskedLogSumExp(Function):
    @staticmethod
    def forward(x, mask):
        return torch.where(mask, x, -torch.inf).logsumexp(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx, gy):
        x, mask, y = ctx.saved_tensors
        shifted = torch.where(mask, x - y[..., None], -torch.inf)
        return gy[..., None] * shifted.exp(), None


class MaskedLogSumExpBefore(MaskedLogSumExp):
    @staticmethod
    def backward(ctx, gy):
        x, mask, y = ctx.saved_tensors
        return gy[..., None] * (x - y[..., None]).exp() * mask, None


def masked_samples(make):
    mask = torch.tensor([True, True, False])
    yield Sample(make.tensor([0.0, 0.5, 1000.0]), mask)


class UnitVectors(Function):
    @staticmethod
    def forward(x, eps):
        return x / (x.square().sum(-1, keepdim=True) + eps).sqrt()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.eps = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        norm = (x.square().sum(-1, keepdim=True) + ctx.eps).sqrt()
        along = (x * gy).sum(-1, keepdim=True) / norm**2
        return (gy - x * along) / norm, None


class UnitVectorsBefore(UnitVectors):
    @staticmethod
    def forward(x, eps):
        return x / (x.square().sum(-1, keepdim=True).sqrt() + eps)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        root = x.square().sum(-1, keepdim=True).sqrt()
        along = (x * gy).sum(-1, keepdim=True) / (root + ctx.eps) ** 2
        return gy / (root + ctx.eps) - along * x / root, None


def unit_samples(make):
    yield Sample(make(3, 4), 1e-10)


ROOM = Room(
    "nans",
    "nan where forward is finite",
    "One nan in one element makes every parameter nan within one step. It comes from 0/0, inf - "
    "inf or 0 * inf in the rule, at points that random samples do not hit: zeros, padding, "
    "saturation.",
    (
        Exhibit(
            "the norm of zeros",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/2421",
            "The gradient divides by the norm, which is zero.",
            "no-nan",
            NormBefore,
            Norm,
            norm_samples,
        ),
        Exhibit(
            "a power of zero",
            "tensorflow/tfjs",
            "https://github.com/tensorflow/tfjs/issues/346",
            "At a base of 0 both gradients were nan: 0 / 0 for the base and 0 * -inf for the "
            "exponent.",
            "no-nan",
            PowBefore,
            Pow,
            pow_samples,
        ),
        Exhibit(
            "a cumulative product with a zero",
            "tracel-ai/burn",
            "https://github.com/tracel-ai/burn/issues/3864",
            "The product of the other elements was computed by dividing by the element itself.",
            "no-nan",
            CumulativeProductBefore,
            CumulativeProduct,
            cumulative_samples,
        ),
        Exhibit(
            "focal loss of a confident prediction",
            "kornia/kornia",
            "https://github.com/kornia/kornia/issues/918",
            "(1 - p) to a negative power is infinite where the prediction saturates, and is then "
            "multiplied by 0.",
            "no-nan",
            FocalLossBefore,
            FocalLoss,
            focal_samples,
        ),
        Exhibit(
            "logsumexp of what the mask leaves out",
            "jax-ml/jax",
            "https://github.com/jax-ml/jax/pull/25791",
            "A masked element that is much larger than the others overflows before it is masked.",
            "no-nan",
            MaskedLogSumExpBefore,
            MaskedLogSumExp,
            masked_samples,
        ),
        Exhibit(
            "eps behind the square root",
            "Project-MONAI/MONAI",
            "https://github.com/Project-MONAI/MONAI/pull/8982",
            "eps was added to the root. That keeps the division finite, but not the derivative of "
            "the root.",
            "no-nan",
            UnitVectorsBefore,
            UnitVectors,
            unit_samples,
            shown=("forward", "backward"),
        ),
    ),
)

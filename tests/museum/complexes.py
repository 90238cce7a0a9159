"""Complex numbers: the conjugate that is missing."""

from __future__ import annotations

import torch
from torch.autograd import Function

import plugrad as pg
from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class MatMul(Function):
    @staticmethod
    def forward(x, y):
        return x @ y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz @ y.mH, x.mH @ gz


class MatMulBefore(MatMul):
    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz @ y.mT, x.mT @ gz


def matmul_samples(make):
    yield Sample(make(2, 3), make(3, 4))
    yield Sample(make.complex(2, 3), make.complex(3, 4))


class ComplexNorm(Function):
    @staticmethod
    def forward(x):
        return (x * x.conj()).real.sum(-1).sqrt()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, output)

    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        return (gy / torch.where(y == 0, 1, y))[..., None] * x


class ComplexNormBefore(ComplexNorm):
    @staticmethod
    def backward(ctx, gy):
        x, y = ctx.saved_tensors
        return (gy / torch.where(y == 0, 1, y))[..., None] * x.conj()


def norm_samples(make):
    yield Sample(make.complex(2, 3))


def product_samples(make):
    yield Sample(make(3, 4), make(3, 4))


class Times(pg.Function):
    """z = x y;  gx = gz conj(y), gy = gz conj(x)."""

    samples = staticmethod(product_samples)

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz * y.conj(), gz * x.conj()


class TimesBefore(Times):
    """z = x y;  gx = gz y, gy = gz x, which is right for real numbers."""

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz * y, gz * x


ROOM = Room(
    "complexes",
    "Complex numbers",
    "The gradient of a holomorphic function is the cotangent times the conjugate of the "
    "derivative. Real samples do not show whether the conjugate is there.",
    (
        Exhibit(
            "matmul without the conjugate",
            "tensorflow/tensorflow",
            "https://github.com/tensorflow/tensorflow/issues/4859",
            "The op takes complex numbers, but its gradient was only tested with real ones.",
            "numeric",
            MatMulBefore,
            MatMul,
            matmul_samples,
        ),
        Exhibit(
            "the norm of a complex vector",
            "HIPS/autograd",
            "https://github.com/HIPS/autograd/pull/393",
            "The conjugate was in the wrong place: in this library's convention it was missing, "
            "in torch's it is one too many.",
            "numeric",
            ComplexNormBefore,
            ComplexNorm,
            norm_samples,
        ),
        Exhibit(
            "a product, tested with real numbers",
            "Theano/Theano",
            "https://github.com/Theano/Theano/pull/846",
            "Some basic ops had wrong gradients for complex numbers.",
            "complex",
            TimesBefore,
            Times,
            product_samples,
        ),
    ),
)

"""Broadcasting: the sum over the axes that an input was repeated along is missing."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


def add_row_samples(make):
    yield Sample(make(3, 4), make(1, 4))


class AddRow(pg.Function):
    """z = x + row;  gx = gz, grow = gz summed over the rows."""

    samples = staticmethod(add_row_samples)

    @staticmethod
    def forward(ctx, x, row):
        ctx.shape = row.shape
        return x + row

    @staticmethod
    def backward(ctx, gz):
        return gz.clone(), gz.sum_to_size(ctx.shape)


class AddRowBefore(AddRow):
    """z = x + row;  gx = gz, grow = gz, which is too large."""

    @staticmethod
    def backward(ctx, gz):
        return gz.clone(), gz.clone()


def biased_samples(make):
    yield Sample(make(3, 4), make(4))


class BiasedGate(pg.Function):
    """z = sigmoid(x + b);  gx = gz z (1 - z), gb = gx summed over the tokens."""

    samples = staticmethod(biased_samples)

    @staticmethod
    def forward(ctx, x, b):
        z = torch.sigmoid(x + b)
        ctx.save_for_backward(z)
        ctx.shape = b.shape
        return z

    @staticmethod
    def backward(ctx, gz):
        (z,) = ctx.saved_tensors
        gx = gz * (z * (1 - z)).conj()
        return gx, gx.sum_to_size(ctx.shape)


class BiasedGateBefore(BiasedGate):
    """z = sigmoid(x + b);  gx = gb = gz z (1 - z): one gradient of b for each token."""

    @staticmethod
    def backward(ctx, gz):
        (z,) = ctx.saved_tensors
        gx = gz * (z * (1 - z)).conj()
        return gx, gx


ROOM = Room(
    "broadcasting",
    "Broadcasting",
    "An input that was repeated along an axis gets the sum of the gradients along it. torch's "
    "engine sums a gradient that is too large if its shape allows that, which hides the mistake. "
    "Other engines, plugrad's among them, do not guess.",
    (
        Exhibit(
            "a row that is added to a matrix",
            "deeplearning4j/nd4j",
            "https://github.com/deeplearning4j/nd4j/issues/2424",
            "The gradient of the row had the shape of the matrix.",
            "gradient-form",
            AddRowBefore,
            AddRow,
            add_row_samples,
        ),
        Exhibit(
            "a bias gets a gradient for each token",
            "AMD-AGI/Primus-Turbo",
            "https://github.com/AMD-AGI/Primus-Turbo/pull/329",
            "The bias was given the gradient of the input, without a sum over the tokens.",
            "gradient-form",
            BiasedGateBefore,
            BiasedGate,
            biased_samples,
        ),
    ),
)

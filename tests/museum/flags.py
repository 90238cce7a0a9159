"""Which inputs want a gradient, and in which order backward returns them."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class QuantizedLinear(Function):
    @staticmethod
    def forward(x, weight, bias):
        return torch.addmm(bias, x, weight.mT)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, _ = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output @ weight, grad_output.mT @ x, grad_output.sum(0)


class QuantizedLinearBefore(QuantizedLinear):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        return grad_output @ weight, grad_output.mT @ x, None


def linear_samples(make):
    yield Sample(make(3, 4), make(2, 4), make(2))


class FrozenLinear(Function):
    @staticmethod
    def forward(features, weight):
        return features @ weight.mT

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        features, weight = ctx.saved_tensors
        gfeatures = gweight = None
        if ctx.needs_input_grad[0]:
            gfeatures = gy @ weight
        if ctx.needs_input_grad[1]:
            gweight = gy.mT @ features
        return gfeatures, gweight


class FrozenLinearBefore(FrozenLinear):
    @staticmethod
    def backward(ctx, gy):
        features, weight = ctx.saved_tensors
        if ctx.needs_input_grad[0]:
            gfeatures = gy @ weight
        if ctx.needs_input_grad[1]:
            gweight = gy.mT @ features
        return gfeatures, gweight


def two_samples(make):
    yield Sample(make(3, 4), make(2, 4))


class BackpropInput(Function):
    @staticmethod
    def forward(y, kernel):
        return y @ kernel

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gx):
        y, kernel = ctx.saved_tensors
        return gx @ kernel.mT, y.mT @ gx


class BackpropInputBefore(BackpropInput):
    @staticmethod
    def backward(ctx, gx):
        y, kernel = ctx.saved_tensors
        return y.mT @ gx, gx @ kernel.mT


def square_samples(make):
    yield Sample(make(3, 3), make(3, 3))


class MaskedScan(Function):
    @staticmethod
    def forward(x, decay, mask):
        return (x * decay * mask).cumsum(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        x, decay, mask = ctx.saved_tensors
        g = gy.flip(-1).cumsum(-1).flip(-1) * mask
        return g * decay, g * x, None


class MaskedScanBefore(MaskedScan):
    @staticmethod
    def backward(ctx, gy):
        x, decay, mask = ctx.saved_tensors
        g = gy.flip(-1).cumsum(-1).flip(-1) * mask
        return g * decay, g * x  # the mask was added to forward's parameters


def scan_samples(make):
    yield Sample(make(2, 4), make(2, 4), make.booleans(2, 4))


ROOM = Room(
    "flags",
    "Who wants a gradient",
    "Backward returns one gradient for each of forward's parameters, in the same order, and None "
    "only where no gradient is wanted. A frozen weight, a bias or a new parameter is easily "
    "forgotten.",
    (
        Exhibit(
            "the bias never learns",
            "pytorch/ao",
            "https://github.com/pytorch/ao/pull/4817",
            "Backward returned None for the bias. There was no error, and the bias never changed.",
            "undeclared",
            QuantizedLinearBefore,
            QuantizedLinear,
            linear_samples,
        ),
        Exhibit(
            "a frozen input",
            "mgmalek/efficient_cross_entropy",
            "https://github.com/mgmalek/efficient_cross_entropy/pull/8",
            "Backward did not assign the gradient of a frozen input, but returned it.",
            "subsets",
            FrozenLinearBefore,
            FrozenLinear,
            two_samples,
        ),
        Exhibit(
            "two gradients in the wrong order",
            "tensorflow/swift-apis",
            "https://github.com/tensorflow/swift-apis/issues/332",
            "The input and the filter got each other's gradient.",
            "numeric",
            BackpropInputBefore,
            BackpropInput,
            square_samples,
        ),
        Exhibit(
            "one gradient too few",
            "state-spaces/mamba",
            "https://github.com/state-spaces/mamba/pull/70",
            "Forward got a new parameter, a mask, and backward still returned the old number of "
            "gradients.",
            "runs",
            MaskedScanBefore,
            MaskedScan,
            scan_samples,
        ),
    ),
)

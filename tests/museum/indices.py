"""Repeated indices: the gradient is assigned where it must be added, or added too often."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Gather(Function):
    @staticmethod
    def forward(x, index):
        return x.gather(-1, index)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, index = inputs
        ctx.shape = x.shape
        ctx.save_for_backward(index)

    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        return gy.new_zeros(ctx.shape).scatter_add(-1, index, gy), None


class GatherBefore(Gather):
    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        return gy.new_zeros(ctx.shape).scatter(-1, index, gy), None


def gather_samples(make):
    yield Sample(make(2, 4), torch.tensor([[0, 0, 3], [1, 2, 1]]))


class IndexFill(Function):
    @staticmethod
    def forward(x, index, value):
        return x.index_fill(0, index, value)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, index, _ = inputs
        ctx.save_for_backward(index)

    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        return gy.index_fill(0, index, 0), None, gy.index_select(0, index.unique()).sum()


class IndexFillBefore(IndexFill):
    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        return gy.index_fill(0, index, 0), None, gy.index_select(0, index).sum()


def index_fill_samples(make):
    yield Sample(make(5, 2), torch.tensor([2, 2]), make())


class MaxPool(Function):
    @staticmethod
    def forward(x, size, stride):
        return x.unfold(-1, size, stride).amax(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, size, stride = inputs
        ctx.shape = x.shape
        place = torch.arange(x.shape[-1], device=x.device).unfold(0, size, stride)
        best = x.unfold(-1, size, stride).argmax(-1, keepdim=True)
        ctx.save_for_backward(place.expand(*best.shape[:-1], size).gather(-1, best)[..., 0])

    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        return gy.new_zeros(ctx.shape).scatter_add(-1, index, gy), None, None


class MaxPoolBefore(MaxPool):
    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        return gy.new_zeros(ctx.shape).scatter(-1, index, gy), None, None


def max_pool_samples(make):
    yield Sample(make.distinct(2, 8), 2, 2)
    yield Sample(make.distinct(2, 8), 3, 1)


class Embedding(Function):
    @staticmethod
    def forward(weight, index):
        return weight[index]

    @staticmethod
    def setup_context(ctx, inputs, output):
        weight, index = inputs
        ctx.rows = weight.shape[0]
        ctx.save_for_backward(index)

    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        gweight = gy.new_zeros(ctx.rows, gy.shape[-1])
        return gweight.index_put((index,), gy, accumulate=True), None


class EmbeddingBefore(Embedding):
    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        gweight = gy.new_zeros(ctx.rows, gy.shape[-1])
        return gweight.index_put((index,), gweight[index] + gy), None


def embedding_samples(make):
    yield Sample(make(5, 3), torch.tensor([0, 2, 4]))
    yield Sample(make(5, 3), torch.tensor([[1, 1], [3, 1]]))


ROOM = Room(
    "indices",
    "Repeated indices",
    "An element that is read twice gets the sum of two gradients. Samples whose index is a "
    "permutation never show it.",
    (
        Exhibit(
            "gather of the same element",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/1631",
            "Only the last of several gradients for one element was kept.",
            "numeric",
            GatherBefore,
            Gather,
            gather_samples,
        ),
        Exhibit(
            "a row that is filled twice",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/57006",
            "A row that the index names twice was counted twice. It is filled only once.",
            "numeric",
            IndexFillBefore,
            IndexFill,
            index_fill_samples,
        ),
        Exhibit(
            "max pooling with overlapping windows",
            "FluxML/NNlib.jl",
            "https://github.com/FluxML/NNlib.jl/issues/205",
            "An element that is the maximum of several windows received the gradient of only one.",
            "numeric",
            MaxPoolBefore,
            MaxPool,
            max_pool_samples,
        ),
        Exhibit(
            "an embedding adds with an index",
            "pymc-devs/pytensor",
            "https://github.com/pymc-devs/pytensor/pull/2242",
            "`x[index] += y` writes each element once, however often the index names it.",
            "numeric",
            EmbeddingBefore,
            Embedding,
            embedding_samples,
        ),
    ),
)

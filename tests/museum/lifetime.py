"""Lifetime: graphs that are never freed, and saved values that are gone too early."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Exponential(Function):
    @staticmethod
    def forward(x):
        return x.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        return gy * y


class ExponentialBefore(Exponential):
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.y = output

    @staticmethod
    def backward(ctx, gy):
        return gy * ctx.y


def vector_samples(make):
    yield Sample(make(4))


class CopyReduce(Function):
    @staticmethod
    def forward(x, index):
        return x[index]

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, index = inputs
        ctx.cache = x.shape
        ctx.save_for_backward(index)

    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        return gy.new_zeros(ctx.cache).index_add(0, index, gy), None


class CopyReduceBefore(CopyReduce):
    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        shape, ctx.cache = ctx.cache, None  # else its tensors would live too long
        return gy.new_zeros(shape).index_add(0, index, gy), None


def copy_samples(make):
    yield Sample(make(4, 2), torch.tensor([0, 3, 3]))


class ReversibleBlock(Function):
    @staticmethod
    def forward(x):
        return _block(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        return _block_gradient(y, gy)


class ReversibleBlockBefore(ReversibleBlock):
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.y = output

    @staticmethod
    def backward(ctx, gy):
        y = ctx.y
        del ctx.y
        return _block_gradient(y, gy)


def _block(x):
    x1, x2 = x.chunk(2, -1)
    y1 = x1 + torch.tanh(x2)
    return torch.cat([y1, x2 + torch.sin(y1)], -1)


def _block_gradient(y, gy):
    y1, y2 = y.chunk(2, -1)
    x2 = y2 - torch.sin(y1)  # the input is had back from the output
    g1, g2 = gy.chunk(2, -1)
    g1 = g1 + g2 * torch.cos(y1)
    return torch.cat([g1, g2 + g1 * (1 - torch.tanh(x2) ** 2)], -1)


def block_samples(make):
    yield Sample(make(3, 4))


ROOM = Room(
    "lifetime",
    "Lifetime",
    "An output that is kept as an attribute of ctx keeps its own graph alive. Only the garbage "
    "collector can free such a cycle, and it does not know how much GPU memory depends on it. And "
    "what backward deletes is missing in a second backward.",
    (
        Exhibit(
            "the output as an attribute of ctx",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/25340",
            "The context, and everything it holds, was not freed together with the output.",
            "no-cycle",
            ExponentialBefore,
            Exponential,
            vector_samples,
            shown=("setup_context", "backward"),
        ),
        Exhibit(
            "a cache that backward empties",
            "dmlc/dgl",
            "https://github.com/dmlc/dgl/pull/1060",
            "Backward cleared what it had kept on ctx, and so failed with `retain_graph=True`.",
            "retain-graph",
            CopyReduceBefore,
            CopyReduce,
            copy_samples,
        ),
        Exhibit(
            "a reversible block deletes its output",
            "RobinBruegger/RevTorch",
            "https://github.com/RobinBruegger/RevTorch/issues/1",
            "The output was kept on ctx and deleted in backward. Without a backward it was never "
            "freed.",
            "retain-graph",
            ReversibleBlockBefore,
            ReversibleBlock,
            block_samples,
            shown=("setup_context", "backward"),
        ),
    ),
)

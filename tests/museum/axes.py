"""Wrong axes: a negative one, one that squeeze removed, one too many."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Sparsemax(Function):
    @staticmethod
    def forward(x, dim):
        x = x - x.amax(dim, keepdim=True)
        ordered = x.sort(dim, descending=True).values
        shape = [1] * x.dim()
        shape[dim] = -1
        place = torch.arange(1, x.shape[dim] + 1, dtype=x.dtype, device=x.device).reshape(shape)
        total = ordered.cumsum(dim) - 1
        support = (place * ordered > total).sum(dim, keepdim=True)
        threshold = total.gather(dim, support - 1) / support
        return (x - threshold).clamp(min=0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.dim = inputs
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        inside = y > 0
        gx = gy * inside
        mean = gx.sum(ctx.dim) / inside.sum(ctx.dim)
        return (gx - mean.unsqueeze(ctx.dim)) * inside, None


class SparsemaxBefore(Sparsemax):
    @staticmethod
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        inside = y > 0
        gx = gy * inside
        mean = gx.sum(ctx.dim) / inside.sum(ctx.dim, keepdim=True).squeeze()
        return (gx - mean.unsqueeze(ctx.dim)) * inside, None


def sparsemax_samples(make):
    yield Sample(make(2, 5), -1)
    yield Sample(make(3, 4), 0)


class Concat(Function):
    @staticmethod
    def forward(x, y, axis):
        return torch.cat([x, y], axis)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, _, ctx.axis = inputs
        ctx.size = x.shape[ctx.axis]

    @staticmethod
    def backward(ctx, gz):
        axis = ctx.axis % gz.dim()
        return *_slices(gz, axis, ctx.size), None


class ConcatBefore(Concat):
    @staticmethod
    def backward(ctx, gz):
        return *_slices(gz, ctx.axis, ctx.size), None


def _slices(z, axis, size):
    first = tuple(slice(0, size) if i == axis else slice(None) for i in range(z.dim()))
    second = tuple(slice(size, None) if i == axis else slice(None) for i in range(z.dim()))
    return z[first].clone(), z[second].clone()


def concat_samples(make):
    yield Sample(make(2, 3), make(4, 3), 0)
    yield Sample(make(2, 3), make(2, 3), -1)


class ReduceProd(Function):
    @staticmethod
    def forward(x, axis):
        return x.prod(axis)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.axis = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return _product_gradient(x, gy, ctx.axis % x.dim()), None


class ReduceProdBefore(ReduceProd):
    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return _product_gradient(x, gy, ctx.axis), None


def _product_gradient(x, gy, axis):
    order = [i for i in range(x.dim()) if i != axis] + [axis]
    moved = x.permute(order)
    itself = torch.eye(x.shape[axis], dtype=torch.bool, device=x.device)
    others = torch.where(itself, 1, moved.unsqueeze(-2)).prod(-1)
    back = [order.index(i) for i in range(x.dim())]
    return (gy.unsqueeze(-1) * others).permute(back)


def reduce_prod_samples(make):
    yield Sample(make(3, 4), 0)
    yield Sample(make(3, 4), -1)


ROOM = Room(
    "axes",
    "Axes",
    "`squeeze()` removes every axis of size 1, even that of a batch of one. A negative axis is "
    "not in `range(x.dim())`. A rule written for two dimensions is called with three.",
    (
        Exhibit(
            "sparsemax with a dimension of size 1",
            "deep-spin/entmax",
            "https://github.com/deep-spin/entmax/issues/13",
            "With one more dimension, of size 1, the same numbers had other gradients.",
            "dimensions",
            SparsemaxBefore,
            Sparsemax,
            sparsemax_samples,
        ),
        Exhibit(
            "concat along the last axis, called -1",
            "tensorflow/tfjs-core",
            "https://github.com/tensorflow/tfjs-core/pull/1267",
            "Backward used the axis without making it positive first.",
            "runs",
            ConcatBefore,
            Concat,
            concat_samples,
        ),
        Exhibit(
            "reduce_prod over a negative axis",
            "tensorflow/tensorflow",
            "https://github.com/tensorflow/tensorflow/issues/10835",
            "Forward accepts a negative axis, backward does not.",
            "runs",
            ReduceProdBefore,
            ReduceProd,
            reduce_prod_samples,
        ),
    ),
)

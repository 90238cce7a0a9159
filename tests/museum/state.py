"""State on the class or in the module: one call changes what another gets."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Scaled(Function):
    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


class ScaledBefore(Scaled):
    x: ClassVar = None

    @staticmethod
    def setup_context(ctx, inputs, output):
        (ScaledBefore.x,) = inputs

    @staticmethod
    def backward(ctx, g):
        return 2 * ScaledBefore.x * g


def vector_samples(make):
    yield Sample(make(4))


class Dispatched(Function):
    @staticmethod
    def forward(x, weight):
        return x * weight

    @staticmethod
    def setup_context(ctx, inputs, output):
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        return gy * weight, gy * x


class DispatchedBefore(Dispatched):
    #: By the signature of the call, whether it is to be recorded.
    recorded: ClassVar = {}

    @staticmethod
    def setup_context(ctx, inputs, output):
        signature = tuple((t.shape, t.dtype) for t in inputs)
        needed = any(ctx.needs_input_grad)
        ctx.recorded = DispatchedBefore.recorded.setdefault(signature, needed)
        if ctx.recorded:
            ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        if not ctx.recorded:
            return None, None
        x, weight = ctx.saved_tensors
        return gy * weight, gy * x


def pair_samples(make):
    yield Sample(make(3, 2), make(3, 2))


class Graphed(Function):
    @staticmethod
    def forward(x, weight):
        return x * weight

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        return gy * weight, gy * x


class GraphedBefore(Graphed):
    #: A captured graph writes to the same memory each time it is replayed.
    static: ClassVar = {}

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        key = (x.shape, x.dtype)
        if key not in GraphedBefore.static:
            GraphedBefore.static[key] = torch.empty_like(x), torch.empty_like(x)
        gx, gweight = GraphedBefore.static[key]
        return gx.copy_(gy * weight), gweight.copy_(gy * x)


class Take(Function):
    @staticmethod
    def forward(x, index):
        return x.index_select(1, index)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, index = inputs
        ctx.shape = x.shape
        ctx.save_for_backward(index)

    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        return gy.new_zeros(ctx.shape).index_add(1, index, gy), None


class TakeBefore(Take):
    #: A pool hands out memory that was used before, as it was left.
    pool: ClassVar = {}

    @staticmethod
    def backward(ctx, gy):
        (index,) = ctx.saved_tensors
        key = (ctx.shape, gy.dtype)
        grad_in = TakeBefore.pool.get(key, gy.new_zeros(ctx.shape))
        TakeBefore.pool[key] = grad_in.index_add(1, index, gy)
        return TakeBefore.pool[key], None


def take_samples(make):
    yield Sample(make(3, 4), make.integers(5, high=4))


ROOM = Room(
    "state",
    "State on the class or the module",
    "There may be other calls of the same Function between a forward and its backward: a layer "
    "that is used twice, a second model, another thread. State that is kept on the class, in a "
    "cache or in a buffer then belongs to another call.",
    (
        Exhibit(
            "a Function that keeps its input on itself",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/16947",
            "The state was on the Function instead of on ctx, so the replicas of a module read "
            "each other's.",
            "interleaved",
            ScaledBefore,
            Scaled,
            vector_samples,
            shown=("setup_context", "backward"),
        ),
        Exhibit(
            "a cache of calls that forgets who wants a gradient",
            "shader-slang/slangpy",
            "https://github.com/shader-slang/slangpy/issues/1052",
            "After a first call without gradients, later calls with the same signature were never "
            "recorded.",
            "dimensions",
            DispatchedBefore,
            Dispatched,
            pair_samples,
            shown=("setup_context", "backward"),
        ),
        Exhibit(
            "gradients in static buffers",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/181723",
            "The gradient of a leaf was overwritten by the next backward.",
            "diamond",
            GraphedBefore,
            Graphed,
            pair_samples,
        ),
        Exhibit(
            "take does not clear the gradient's memory",
            "apache/mxnet",
            "https://github.com/apache/mxnet/pull/20166",
            "For axes other than 0, backward added to whatever the memory held.",
            "determinism",
            TakeBefore,
            Take,
            take_samples,
        ),
    ),
)

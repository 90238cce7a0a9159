"""attention with grouped heads: several heads of queries share one of keys and values."""

from __future__ import annotations

import math

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample


class Right(torch.autograd.Function):
    """y = softmax(q k^T / sqrt(d)) v, for each head of q with the k and v of its group."""

    @staticmethod
    def forward(ctx, q, k, v):
        group = q.shape[0] // k.shape[0]
        wide_k, wide_v = (t.float().repeat_interleave(group, 0) for t in (k, v))
        weights = (q.float() @ wide_k.mT / math.sqrt(q.shape[-1])).softmax(-1)
        ctx.save_for_backward(q, k, v)
        return (weights @ wide_v).to(q.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        gq, gk, gv = gradients(*ctx.saved_tensors, gy)
        return gq, *(g.sum(1).to(gq.dtype) for g in (gk, gv))


def gradients(q, k, v, gy):
    """The gradient of q, and those of k and v for each head of a group by itself."""
    heads, group, scale = k.shape[0], q.shape[0] // k.shape[0], 1 / math.sqrt(q.shape[-1])
    wide_q, wide = q.float(), gy.float()
    wide_k, wide_v = (t.float().repeat_interleave(group, 0) for t in (k, v))
    weights = (wide_q @ wide_k.mT * scale).softmax(-1)
    gv = weights.mT @ wide
    gw = wide @ wide_v.mT
    gs = weights * (gw - (gw * weights).sum(-1, keepdim=True)) * scale
    gq = gs @ wide_k
    gk = gs.mT @ wide_q
    return gq.to(q.dtype), *(g.reshape(heads, group, *g.shape[1:]) for g in (gk, gv))


def reference(q, k, v):
    """In plain torch."""
    group = q.shape[0] // k.shape[0]
    k, v = (t.repeat_interleave(group, 0) for t in (k, v))
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1) @ v


def samples(make):
    """Groups of two heads and of one, in the dtypes of training."""

    def sample(dtype, heads, group):
        q = make(heads * group, 3, 4, dtype=dtype)
        return Sample(q, *(make(heads, 5, 4, dtype=dtype) for _ in range(2)))

    return [sample(torch.float32, 2, 2), sample(torch.bfloat16, 2, 1)]

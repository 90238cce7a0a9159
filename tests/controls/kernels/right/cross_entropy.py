"""cross_entropy: the mean over the labels that are not ignored."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample

IGNORED = -100


class Right(torch.autograd.Function):
    """y = mean of log sum exp x - x[label];  gx = gy (softmax x - onehot) / count."""

    @staticmethod
    def forward(ctx, x, labels):
        if x.dim() != 2 or labels.dim() != 1:
            raise ValueError("x must be a matrix, and labels a vector")
        wide, used = x.float(), labels != IGNORED
        largest = wide.amax(-1, keepdim=True)
        total = (wide - largest).exp().sum(-1, keepdim=True)
        ctx.save_for_backward(x, labels, largest, total)
        chosen = (wide - largest).gather(-1, labels.clamp_min(0)[:, None])
        losses = torch.where(used, (total.log() - chosen)[:, 0], 0.0)
        return (losses.sum() / used.sum()).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, labels, largest, total = ctx.saved_tensors
        used = labels != IGNORED
        gx = (x.float() - largest).exp() / total
        gx.scatter_add_(-1, labels.clamp_min(0)[:, None], -torch.ones_like(gx[:, :1]))
        gx = torch.where(used[:, None], gx, 0.0) * (gy.float() / used.sum())
        return gx.to(x.dtype), None


def reference(x, labels):
    """In plain torch."""
    return torch.nn.functional.cross_entropy(x, labels, ignore_index=IGNORED)


def samples(make):
    """Some labels ignored, large logits, both dtypes."""
    labels = make.tensor([1, IGNORED, 0, 3, IGNORED], dtype=torch.int64)
    return [
        Sample(make(5, 7, dtype=torch.float32), labels),
        Sample(make(5, 4, dtype=torch.bfloat16), labels),
        Sample(make(5, 4, low=-90.0, high=90.0, dtype=torch.float32), labels),
    ]

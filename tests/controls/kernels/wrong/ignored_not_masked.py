"""ignored_not_masked: the rows of ignored labels get a gradient."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import cross_entropy


class Wrong(cross_entropy.Right):
    """Right where no label is ignored."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, labels, largest, total = ctx.saved_tensors
        gx = (x.float() - largest).exp() / total
        gx.scatter_add_(-1, labels.clamp_min(0)[:, None], -torch.ones_like(gx[:, :1]))
        return (gx * gy.float() / (labels != cross_entropy.IGNORED).sum()).to(x.dtype), None


RIGHT = cross_entropy
#: Laws that say so.
LAWS = ("oracle",)

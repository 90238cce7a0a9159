"""ignored_counted: the mean is over all labels, the ignored ones too."""

from __future__ import annotations

from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.right import cross_entropy


class Wrong(cross_entropy.Right):
    """Right where no label is ignored."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        labels = ctx.saved_tensors[1]
        gx, _ = cross_entropy.Right.backward(ctx, gy)
        used = (labels != cross_entropy.IGNORED).sum()
        return (gx.float() * used / max(labels.numel(), 1)).to(gx.dtype), None


RIGHT = cross_entropy
#: Laws that say so.
LAWS = ("oracle",)

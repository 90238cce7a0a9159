"""carry: backward carries the last number of a block, not its running sum."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad.tests.controls.kernels.memory import blocks
from plugrad.tests.controls.kernels.right import cumsum


class Wrong(cumsum.Right):
    """Right within two blocks."""

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        flipped, carry = gy.flip(-1).float(), 0.0
        parts = [flipped[..., :0]]
        for start, end in blocks(gy.shape[-1]):
            part = flipped[..., start:end].cumsum(-1)
            parts.append(part + carry)
            carry = part[..., -1:]
        return torch.cat(parts, -1).flip(-1).to(gy.dtype)


RIGHT = cumsum
#: Laws that say so.
LAWS = ("oracle",)

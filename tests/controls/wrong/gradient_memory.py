"""gradient-memory: the gradient is another handle on the cotangent's memory."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::gradient_memory")
class Wrong(pg.Function):
    """y = x + 1;  gx = gy."""

    @staticmethod
    def forward(ctx, x):
        return x + 1

    @staticmethod
    @pg.once_differentiable
    def backward(ctx, gy):
        # Through DLPack, as a kernel of another library would return it.
        return torch.from_dlpack(gy.resolve_conj().resolve_neg())

    @staticmethod
    def samples(make):
        yield Sample(make(3))


MESSAGE = r"the gradient of x shares memory with the cotangent"
ALSO = {"batched-cotangents": "torch.vmap does not know DLPack"}

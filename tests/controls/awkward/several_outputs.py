"""Several outputs, each of which may be the only one that is used."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


@pg.op("control::several_outputs")
class Awkward(pg.Function):
    """s = sin(x), c = cos(x);  gx = gs c - gc s."""

    @staticmethod
    def forward(ctx, x):
        s, c = torch.sin(x), torch.cos(x)
        ctx.save_for_backward(s, c)
        ctx.set_materialize_grads(False)
        return s, c

    @staticmethod
    def backward(ctx, gs, gc):
        s, c = ctx.saved_tensors
        if gs is None:
            return None if gc is None else -gc * s.conj()
        return gs * c.conj() if gc is None else gs * c.conj() - gc * s.conj()

    @staticmethod
    def samples(make):
        yield Sample(make(3))
        yield Sample(make.complex(2, 2))

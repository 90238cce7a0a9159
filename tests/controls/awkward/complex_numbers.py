"""A complex and a real input, real and complex outputs."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


@pg.op("control::complex_numbers")
class Awkward(pg.Function):
    """p = |z|² r, q = z² r;  gz = 2 gp z r + 2 gq conj(z) r, gr = gp |z|² + real(gq conj(z²))."""

    @staticmethod
    def forward(ctx, z, r):
        if r.is_complex():
            raise TypeError("r is real")
        ctx.save_for_backward(z, r)
        return (z * z.conj()).real * r, z * z * r

    @staticmethod
    def backward(ctx, gp, gq):
        z, r = ctx.saved_tensors
        gz = 2 * gp * z * r + 2 * gq * z.conj() * r
        gr = gp * (z * z.conj()).real + (gq * (z * z).conj()).real
        return gz, gr

    @staticmethod
    def samples(make):
        yield Sample(make.complex(3), make(3))
        yield Sample(make.complex(3), make.complex(3)).raises(TypeError, "real")

"""abs_pow: a power of |x|, with or without the sign of x."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._number import number
from plugrad.ops.elementwise._abs_pow import abs_pow
from plugrad.ops.elementwise._absorbing import absorbing_mul


@op("abs_pow", overrides=(abs_pow,), elementwise=True)
class AbsPow(Function):
    """z = |x|^y;  gx = gz y |x|^(y-1) sgn(x). If odd, z = |x|^y sgn(x);  gx = gz y |x|^(y-1).

    The one is the derivative of the other, to any order. At x = 0 they are limits: the odd
    one, whose limits from both sides cancel, is 0 for every y. Complex numbers have an odd
    one that turns with x; across, its slope is |x|^(y-1).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: float, odd: bool) -> Tensor:
        y = number(y)
        ctx.y, ctx.odd = y, odd
        ctx.save_for_backward(x)
        return abs_pow(x, y, odd)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        y: float = ctx.y
        if not ctx.odd or not x.dtype.is_complex:
            if y == 0:
                return torch.zeros_like(x)
            return absorbing_mul(y * gz, abs_pow(x, y - 1, not ctx.odd))
        slope = abs_pow(x, y - 1, False)
        # By parts: a complex product with an infinite slope is nan.
        across = torch.complex(absorbing_mul(gz.real, slope), absorbing_mul(gz.imag, slope))
        half = abs_pow(x, (y - 1) / 2, True)
        return across + (y - 1) * half * (conj(half) * gz).real

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for y in (2.5, 3, 1, 0.5, -1.5, 0):
            for odd in (False, True):
                yield Sample(make.nonzero(3, 4), y, odd)
                if y not in (3, -1.5):
                    yield Sample(make.complex(3), y, odd)
        yield Sample(make(), 2.5, True)
        for odd in (False, True):
            for y in (3, 3.5):
                real, complex_ = [0.0, -2.0], [0j, 3 - 4j]
                sample = Sample(make.tensor(real), y, odd)
                if odd and y == 3:
                    sample.waive(
                        "third-order",
                        "torch differentiates forward's own steps, and is wrong at x = 0",
                    )
                yield sample
                yield Sample(make.tensor(complex_, torch.complex128), y, odd)
        yield Sample(make(0, 3), 2.5, False)

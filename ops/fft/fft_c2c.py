"""fft_c2c: the Fourier transform of complex numbers, or its inverse."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.fft._layouts import readable


@op(
    "fft_c2c",
    overrides=(torch.ops.aten._fft_c2c.default, torch._fft_c2c),
    linear=True,
)
class FftC2c(Function):
    """y[k] = c sum_n x[n] exp(-2 pi i k n / N) along each of dim;  gx = the same of gy with +i.

    forward=False has +i in y, -i in gx. c is 1, 1/sqrt(N) or 1/N: normalization 0, 1 or 2.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, dim: list[int], normalization: int, forward: bool
    ) -> Tensor:
        ctx.dim, ctx.normalization = tuple(dim), normalization
        ctx.inverse = not forward
        return _fft_c2c(x, ctx.dim, ctx.normalization, forward)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        if not ctx.dim:
            return gy
        return _fft_c2c(readable(gy), ctx.dim, ctx.normalization, ctx.inverse)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.complex(5), [0], 0, True)
        yield Sample(make.complex(3, 4), [1], 1, False)
        yield Sample(make.complex(2, 3, 4), [0, 2], 2, True)
        yield Sample(make.complex(3, 4), [1, 0], 2, False)
        yield Sample(make.complex(3), [], 0, True)
        yield Sample(make.complex(1), [0], 1, True)
        yield Sample(make.tensor([0, 1, 2j, 0], dtype=torch.complex128), [0], 0, True)
        yield Sample(make(3), [0], 0, True).raises(RuntimeError, "is_complex|omplex")


_fft_c2c = torch.ops.aten._fft_c2c.default

"""fft_c2r: the real numbers of which one half of a spectrum is given."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.fft._halves import weighted
from plugrad.ops.fft._layouts import META, readable


@op(
    "fft_c2r",
    overrides=(torch.ops.aten._fft_c2r.default, torch._fft_c2r),
    linear=True,
    waives=META,
)
class FftC2r(Function):
    """y[n] = c Re(sum_k w[k] x[k] exp(2 pi i k n / N));  gx = w fft_r2c(gy).

    Along each of dim; along the last of them, of N = last_dim_size, x has only k <= N / 2, and
    w = 2 where the conjugate is left out, else 1. c is 1, 1/sqrt(N) or 1/N: normalization 0, 1
    or 2.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, dim: list[int], normalization: int, last_dim_size: int
    ) -> Tensor:
        ctx.dim, ctx.normalization = tuple(dim), normalization
        ctx.size = last_dim_size
        return _fft_c2r(x, ctx.dim, ctx.normalization, ctx.size)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        half = _fft_r2c(readable(gy), ctx.dim, ctx.normalization, True)
        return weighted(half, ctx.dim[-1], ctx.size, 2.0)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make.complex(3), [0], 0, 5)
        yield Sample(make.complex(3), [0], 2, 4)
        yield Sample(make.complex(2, 3, 4), [0, 2], 1, 6)
        yield Sample(make.complex(3, 4), [1, 0], 2, 5)
        yield Sample(make.complex(1), [0], 0, 1)
        yield Sample(make.complex(2), [0], 0, 2)
        yield Sample(make.tensor([0, 1j, 2, 0], dtype=torch.complex128), [0], 0, 6)
        yield Sample(make(3), [0], 0, 4).raises(RuntimeError, "omplex")


_fft_c2r = torch.ops.aten._fft_c2r.default
_fft_r2c = torch.ops.aten._fft_r2c.default

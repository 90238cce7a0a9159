"""fft_r2c: the Fourier transform of real numbers."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops.fft._halves import weighted
from plugrad.ops.fft._layouts import META, readable


@op(
    "fft_r2c",
    overrides=(torch.ops.aten._fft_r2c.default, torch._fft_r2c),
    linear=True,
    waives=META,
)
class FftR2c(Function):
    """y[k] = c sum_n x[n] exp(-2 pi i k n / N);  gx[n] = Re(c sum_k gy[k] exp(2 pi i k n / N)).

    Along each of dim. onesided leaves out those k along the last of dim whose y are conjugates
    of others: k > N / 2. c is 1, 1/sqrt(N) or 1/N: normalization 0, 1 or 2.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, dim: list[int], normalization: int, onesided: bool
    ) -> Tensor:
        ctx.dim, ctx.normalization = tuple(dim), normalization
        ctx.onesided = onesided
        y = _fft_r2c(x, ctx.dim, ctx.normalization, onesided)
        ctx.size = x.shape[ctx.dim[-1]]
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        gy = readable(gy)
        # Of a size of 1 nothing is left out; and there fft_c2r errs on CUDA, seen for (2, 1, 4).
        if not ctx.onesided or ctx.size == 1:
            return _fft_c2c(gy, ctx.dim, ctx.normalization, False).real
        half = weighted(gy, ctx.dim[-1], ctx.size, 0.5)  # fft_c2r counts them twice
        return _fft_c2r(half, ctx.dim, ctx.normalization, ctx.size)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5), [0], 0, True)
        yield Sample(make(6), [0], 1, True)
        yield Sample(make(5), [0], 2, False)
        yield Sample(make(3, 4), [0], 0, False)
        yield Sample(make(2, 3, 4), [0, 2], 2, True)
        yield Sample(make(2, 3, 4), [2, 1], 1, True)
        yield Sample(make(3, 4), [1, 0], 1, False)
        yield Sample(make(1), [0], 0, True)
        yield Sample(make(2), [0], 0, True)
        yield Sample(make.tensor([0.0, 1.0, -2.0, 0.0]), [0], 0, True)
        yield Sample(make.complex(3), [0], 0, True).raises(
            RuntimeError if torch_before("2.14") else TypeError, "loat"
        )


_fft_r2c = torch.ops.aten._fft_r2c.default
_fft_c2c = torch.ops.aten._fft_c2c.default
_fft_c2r = torch.ops.aten._fft_c2r.default

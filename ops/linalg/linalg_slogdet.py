"""linalg_slogdet: the sign and the logarithm of the size of a determinant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "linalg_slogdet",
    overrides=(torch.ops.aten._linalg_slogdet.default, torch._linalg_slogdet),
    aliases={"A": "x"},
    waives={
        "layouts": "the LU factors are those of x or x^T, depending on its layout, in torch too",
    },
)
class LinalgSlogdet(Function):
    """det x = s exp(y);  gx = (gy + i Im(gs conj(s))) x^-H.

    The sign s of a real matrix has no gradient; that of a complex one is a phase. The LU factors
    and the pivots, the other outputs, have none. From d log det x = tr(x^-1 dx).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Any:
        s, y, lu, pivots = _linalg_slogdet(x)
        ctx.save_for_backward(x, s if x.is_complex() else None)
        ctx.mark_non_differentiable(lu, pivots)
        ctx.set_materialize_grads(False)
        return s, y, lu, pivots

    @staticmethod
    def backward(
        ctx: Context, gs: Tensor | None, gy: Tensor | None, *_: Tensor | None
    ) -> Tensor | None:
        x, s = ctx.saved_tensors
        if s is not None and gs is not None:
            turned = (gs * s.conj()).imag * 1j
            gy = turned if gy is None else gy + turned
        return None if gy is None else gy[..., None, None] * torch.linalg.inv_ex(x.mH)[0]

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3))
        yield Sample(make(2, 3, 3))
        yield Sample(make.complex(3, 3))
        yield Sample(make.complex(2, 1, 1))
        yield Sample(make(0, 0))
        yield Sample(make(0, 2, 2))
        yield Sample(make.tensor([[0.0, 1.0], [2.0, 0.0]]))
        yield Sample(make(2, 3)).raises(RuntimeError, "square")


_linalg_slogdet = torch.ops.aten._linalg_slogdet.default

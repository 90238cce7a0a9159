"""linalg.eig: the eigenvalues and eigenvectors of any square matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._eig import gradient


@op(
    "linalg.eig",
    overrides=(torch.linalg.eig, torch.ops.aten.linalg_eig.default),
)
class Eig(Function):
    """x v = v diag(y);  gx = v^-H [diag(gy) + (a - v^H v Re diag(a)) / conj(y[j] - y[i])] v^H.

    a = v^H gv; the quotient is 0 on the diagonal. The vectors have length 1, and any phase: a
    function that depends on it raises, and so does one that is not smooth where eigenvalues
    repeat. Boeddeker et al. 2017, "On the computation of complex-valued gradients with
    application to statistically optimum beamforming", section 4.20.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Any:
        found = y, v = torch.linalg.eig(x)
        ctx.save_for_backward(y, v)
        ctx.set_materialize_grads(False)
        ctx.real = not x.is_complex()
        return found

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, gv: Tensor | None) -> Tensor | None:
        y, v = ctx.saved_tensors
        gx = gradient(gy, gv, y, v)
        return gx.real if ctx.real and gx is not None else gx

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(0, 0))
        yield Sample(make.complex(0, 2, 2))
        yield Sample(make(2, 3)).raises(RuntimeError, "square")

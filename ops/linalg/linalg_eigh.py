"""linalg_eigh: the eigenvalues and eigenvectors of a Hermitian matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._ambiguous import check_phase
from plugrad.ops.linalg._spectrum import over_gaps, skew, used_with, with_values

_PHASE = "the phase of complex vectors is arbitrary, and the law's function depends on it"


@op(
    "linalg_eigh",
    overrides=(torch.ops.aten._linalg_eigh.default, torch._linalg_eigh),
    aliases={"A": "x", "UPLO": "uplo"},
    waives={
        "no-nan": "of a multiple of 1 the vectors are any basis: an error says so",
        "complex": _PHASE,
        "real-gradient": _PHASE,
    },
    equivalent={
        "option-ignored[uplo]": "both triangles of a Hermitian matrix say the same",
    },
)
class LinalgEigh(Function):
    """x v = v diag(y);  gx = v [diag(gy) + (v^H gv - gv^H v) / 2 / (y[j] - y[i])] v^H.

    Of x one triangle is read, which uplo names; gx is Hermitian. Without compute_v there are no
    vectors. Eigenvalues that repeat: a function of their sum, or of the space of their vectors
    alone, has this gradient with 0 in place of 0 / 0; other functions of the vectors raise. The
    single values have a kink there, and the basis found decides. Giles 2008, section 3.1;
    linalg_eig_backward in torch/csrc/autograd/FunctionsManual.cpp for the phase.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, uplo: str = "L", compute_v: bool = True) -> Any:
        y, v = _linalg_eigh(x, uplo, compute_v)
        ctx.set_materialize_grads(False)
        ctx.uplo, ctx.compute_v = uplo, compute_v
        if compute_v:
            ctx.save_for_backward(y, v)
        else:
            ctx.save_for_backward(x)
        return y, v

    @staticmethod
    def backward(ctx: Context, gy: Tensor | None, gv: Tensor | None) -> Tensor | None:
        if ctx.compute_v:
            y, v = ctx.saved_tensors
        elif gy is not None:
            y, v = torch.linalg.eigh(*ctx.saved_tensors, ctx.uplo)
            gy = with_values(gy, y)
        if gv is None or not ctx.compute_v:
            return None if gy is None else (v * gy.unsqueeze(-2)) @ v.mH
        turning = skew(v.mH @ gv) / 2
        check_phase(v.mH @ gv, "eigh")
        used = None if gy is None else used_with(gv, gy, y)
        core = over_gaps(turning, gv, y, used, "eigh")
        if gy is not None:
            core = core + gy.diag_embed()
        return v @ core @ v.mH

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3, domain="symmetric"))
        yield Sample(make(3, 3, domain="symmetric"), "U")
        yield Sample(make(2, 2, 2, domain="symmetric"), "L")
        yield Sample(make(3, 3, domain="symmetric"), "U", False)
        yield Sample(make(2, 3, 3, domain="spd"), "L", False)
        z = make.complex(3, 3)
        yield Sample((z + z.mH) / 2, "L", False).domain("symmetric")
        yield Sample((z + z.mH) / 2, "U", False).domain("symmetric")
        yield Sample(make(1, 1))
        yield Sample(make(0, 0))
        yield Sample(make(0, 2, 2), "L", False)
        yield Sample(make.tensor([[0.0, 1.0], [1.0, 3.0]])).domain("symmetric")
        yield Sample(make(2, 3)).raises(RuntimeError, "square")
        yield Sample(make(2, 2), "X").raises(RuntimeError, "UPLO")


_linalg_eigh = torch.ops.aten._linalg_eigh.default

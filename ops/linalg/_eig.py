"""The gradient of the eigenvalues and eigenvectors of a matrix that need not be Hermitian."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.core import conj
from plugrad.ops.linalg._ambiguous import check_phase
from plugrad.ops.linalg._spectrum import over_gaps, used_with


def gradient(gy: Tensor | None, gv: Tensor | None, y: Tensor, v: Tensor) -> Tensor | None:
    """The gradient of x from those of y and v in x v = v diag(y), v's columns of length 1."""
    if gy is None and gv is None:
        return None
    if gv is None:
        assert gy is not None
        return torch.linalg.solve_ex(v.mH, gy.unsqueeze(-1) * v.mH)[0]
    inner = v.mH @ gv
    check_phase(inner, "eig")
    inner = inner - v.mH @ (v * inner.diagonal(0, -2, -1).real.unsqueeze(-2))
    used = None if gy is None else used_with(gv, gy, y)
    core = over_gaps(inner, gv, conj(y), used, "eig")
    if gy is not None:
        core = core + gy.diag_embed()
    return torch.linalg.solve_ex(v.mH, core @ v.mH)[0]

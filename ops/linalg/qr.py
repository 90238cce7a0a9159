"""linalg.qr: a matrix as the product of orthonormal columns and an upper triangle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._spectrum import completed


def _reference(x: Tensor, mode: str = "reduced") -> Any:
    """Differentiate also in mode r, which torch does not."""
    q, r = torch.linalg.qr(x, "reduced" if mode == "r" else mode)
    return (r.new_empty(0), r) if mode == "r" else (q, r)


@op(
    "linalg.qr",
    overrides=(torch.linalg.qr, torch.ops.aten.linalg_qr.default),
    reference=_reference,
    aliases={"A": "x"},
    waives={"no-nan": "a matrix without full rank has no derivative of q: nan, as in torch"},
)
class Qr(Function):
    """x = q r;  gx = [gq + q h(gr r^H - q^H gq)] r^-H, h(a) the Hermitian matrix with a's triangle.

    h takes the upper triangle, and the real part of the diagonal. For a wide x = [a b] it
    is this for a, with gq + b gb^H in place of gq, and q gr for b. mode "complete" makes q
    square, "r" leaves it out. Walter, Lehmann and Lamour 2012, "On evaluating higher-order
    derivatives of the QR decomposition"; Liao et al. 2019, section III.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, mode: str = "reduced") -> Any:
        found = q, r = torch.linalg.qr(x, mode)
        ctx.set_materialize_grads(False)
        ctx.mode = mode
        if mode == "r":
            ctx.save_for_backward(x)
            ctx.mark_non_differentiable(q)
        else:
            ctx.save_for_backward(q, r)
        return found

    @staticmethod
    def backward(ctx: Context, gq: Tensor | None, gr: Tensor | None) -> Tensor | None:
        q, r = torch.linalg.qr(*ctx.saved_tensors) if ctx.mode == "r" else ctx.saved_tensors
        k = min(q.shape[-2], r.shape[-1])
        if gq is not None:
            gq = completed(q[..., :k], q[..., k:], gq[..., :k], gq[..., k:], "qr")
        q, r, gr = q[..., :k], r[..., :k, :], None if gr is None else gr[..., :k, :]
        gb = None
        if gr is not None and r.shape[-1] > k:
            gb = q @ gr[..., k:]
            through = (q @ r[..., k:]) @ gr[..., k:].mH
            gq = through if gq is None else gq + through
        ga = _square(gq, None if gr is None else gr[..., :k], q, r[..., :k])
        if r.shape[-1] == k:
            return ga
        gb = torch.zeros_like(q @ r[..., k:]) if gb is None else gb
        return torch.cat((ga, gb), -1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((3, 3), (4, 2), (2, 3), (2, 3, 2), (2, 2, 3)):
            yield Sample(make(*shape))
        yield Sample(make.complex(3, 3))
        yield Sample(make.complex(3, 2), "reduced")
        yield Sample(make.complex(2, 3))
        square = Sample(make(3, 3), "complete")
        yield square.waive("dimensions", "torch has no gradient where columns are added")
        yield Sample(make(2, 3), "complete")
        yield Sample(make(3, 2), "r")
        yield Sample(make.complex(2, 3), mode="r")
        yield Sample(make(0, 3))
        yield Sample(make(3, 0))
        yield Sample(make(0, 3, 2))
        yield Sample(make.tensor([[1.0, 0.0], [2.0, -1.0]]))
        yield Sample(make(3)).raises(RuntimeError, "dimensions")


def _square(gq: Tensor | None, gr: Tensor | None, q: Tensor, r: Tensor) -> Tensor:
    parts = [torch.zeros_like(r)] if gr is None else [gr @ r.mH]
    if gq is not None:
        parts.append(-q.mH @ gq)
    upper = sum(parts[1:], parts[0]).triu()
    hermitian = upper + upper.triu(1).mH
    if q.is_complex():
        hermitian = hermitian - 1j * hermitian.diagonal(0, -2, -1).imag.diag_embed()
    ga = q @ hermitian if gq is None else gq + q @ hermitian
    return torch.linalg.solve_triangular(r.mH, ga, upper=False, left=False)

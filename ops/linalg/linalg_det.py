"""linalg_det: the determinant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops._possibly import possibly
from plugrad.ops.linalg._adjugate import adjugate_part


@op(
    "linalg_det",
    overrides=(torch.ops.aten._linalg_det.default, torch._linalg_det),
    aliases={"A": "x"},
    waives={
        "layouts": "the LU factors are those of x or x^T, depending on its layout, in torch too",
    },
)
class LinalgDet(Function):
    """y = det x;  gx = gy conj(y) x^-H, or of a singular x the limit of it.

    That is gy adj(x)^H, conj(det u det vh) u diag(p) vh, p[i] the product of the other singular
    values (Higham 2020, "What is the adjugate of a matrix?"); torch gives 0 there. It is also taken
    where x is so nearly singular that y x^-1 would have lost half its digits. The LU factors and
    the pivots have no gradient.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Any:
        y, lu, pivots = _linalg_det(x)
        ctx.save_for_backward(x, y)
        ctx.mark_non_differentiable(lu, pivots)
        return y, lu, pivots

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Any) -> Tensor:
        x, y = ctx.saved_tensors
        if x.shape[-1] <= 1 or not x.numel():
            return gy[..., None, None].expand(x.shape)
        inverse, failed = torch.linalg.inv_ex(x.mH)
        singular = _lost(x.detach(), inverse.detach()) | (y.detach() == 0) | (failed != 0)
        singular = singular & x.detach().isfinite().all(-1).all(-1)
        if not possibly(singular, True):
            return (gy * conj(y))[..., None, None] * inverse
        at = singular[..., None, None]
        scales = torch.arange(1, x.shape[-1] + 1, device=x.device)
        filler = scales.to(x.dtype).diag_embed()
        regular = torch.where(singular, 0.0, gy * conj(y))[..., None, None]
        regular = regular * torch.linalg.inv_ex(torch.where(at, filler, x.mH))[0]
        return torch.where(at, adjugate_part(gy, torch.where(at, x, filler)), regular)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3))
        yield Sample(make(2, 3, 3))
        yield Sample(make.complex(3, 3))
        yield Sample(make(1, 1))
        yield Sample(make(0, 0))
        yield Sample(make(0, 2, 2))
        none = "torch gives a singular matrix the gradient 0"
        rank_two = make.tensor([[1.0, 2.0, 0.0], [2.0, 4.0, 1.0], [0.0, 0.0, 3.0]])
        yield Sample(rank_two).without_oracle(none)
        pair = make.tensor([[[0.0, 1.0], [2.0, 0.0]], [[1.0, 2.0], [2.0, 4.0]]])
        yield Sample(pair).without_oracle(none)
        rank_one = make.tensor([[1, 2j], [1j, -2]], dtype=torch.complex128)
        yield Sample(rank_one).without_oracle(none)
        last = Sample(make.tensor([[0.0, 1.0], [2.0, 0.0]]))
        yield last.waive("sizes", "of a single 0, " + none) if torch_before("2.13") else last
        yield Sample(make(2, 3)).raises(RuntimeError, "square")


def _lost(x: Tensor, inverse: Tensor) -> Tensor:
    """Where an inverse of x^H has lost half its digits, by Skeel's condition number."""
    condition = (inverse.abs() @ x.mH.abs()).amax((-2, -1))
    return ~(condition < torch.finfo(x.dtype).eps ** -0.5)


_linalg_det = torch.ops.aten._linalg_det.default

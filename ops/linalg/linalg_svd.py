"""linalg_svd: the singular values of a matrix, and their vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._spectrum import completed, with_values
from plugrad.ops.linalg._svd import gradient

_PHASE = "the phase of complex vectors is arbitrary, and the law's function depends on it"


@op(
    "linalg_svd",
    overrides=(torch.ops.aten._linalg_svd.default, torch._linalg_svd),
    aliases={"A": "x"},
    waives={
        "no-nan": "of a multiple of 1 the vectors are any basis: an error says so",
        "layouts": "an expanded matrix has rank 1 and so no vectors of its own: an error says so",
        "meta": "torch's meta kernel gives vh other strides",
        "complex": _PHASE,
        "real-gradient": _PHASE,
    },
    equivalent={
        "option-ignored[driver]": "only on CUDA there is a choice",
    },
)
class LinalgSvd(Function):
    """x = u diag(s) vh;  gx = u [a / (s[j] - s[i]) + b / (s[j] + s[i]) + diag(gs)] vh + c.

    c = (1 - u u^H) gu diag(1 / s) vh + u diag(1 / s) gvh (1 - vh^H vh), and with skew(m) for
    (m - m^H) / 2, a = skew(u^H gu) + skew(vh gvh^H), b = skew(u^H gu) - skew(vh gvh^H); the
    quotient of a is 0 on the diagonal.
    With full_matrices u and vh are square: that what is added has a gradient is not in torch.
    Without compute_uv there is only s. Where singular values repeat or are 0, a function of the
    vectors raises unless it does not see them singly. See _svd.py and _spectrum.py.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        full_matrices: bool = False,
        compute_uv: bool = True,
        *,
        driver: str | None = None,
    ) -> Any:
        u, s, vh = _linalg_svd(x, full_matrices, compute_uv, driver=driver)
        ctx.set_materialize_grads(False)
        ctx.compute_uv, ctx.driver = compute_uv, driver
        if compute_uv:
            ctx.save_for_backward(u, s, vh)
        else:
            ctx.save_for_backward(x)
        return u, s, vh

    @staticmethod
    def backward(
        ctx: Context, gu: Tensor | None, gs: Tensor | None, gvh: Tensor | None
    ) -> Tensor | None:
        if not ctx.compute_uv:
            u, s, vh = _linalg_svd(*ctx.saved_tensors, False, True, driver=ctx.driver)
            gs = torch.zeros_like(s) if gs is None else gs
            return gradient(None, with_values(gs, s), None, u, s, vh)
        u, s, vh = ctx.saved_tensors
        k = s.shape[-1]
        if gu is not None:
            gu = completed(u[..., :k], u[..., k:], gu[..., :k], gu[..., k:], "svd")
        if gvh is not None:
            v, whole = vh.mH, gvh.mH
            gv = completed(v[..., :k], v[..., k:], whole[..., :k], whole[..., k:], "svd")
            gvh = None if gv is None else gv.mH
        return gradient(gu, gs, gvh, u[..., :k], s, vh[..., :k, :])

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((3, 3), (4, 2), (2, 3), (2, 3, 2)):
            yield Sample(make(*shape))
        square = Sample(make(2, 2), True)
        yield square.waive("dimensions", _ADDED)
        for shape in ((3, 2), (2, 3)):
            apart = torch.eye(*shape) * torch.arange(2, 2 * shape[1] + 2, 2)
            more = Sample(0.4 * make(*shape) + apart, True, True)  # singular values well apart
            yield more.without_oracle(_ADDED)
        yield Sample(make(3, 2), False, False)
        yield Sample(make.complex(2, 3), False, False)
        yield Sample(make.complex(3, 2), False, False, driver=None)
        yield Sample(make(0, 3))
        yield Sample(make(3, 0), False, False)
        yield Sample(make(0, 2, 3))
        yield Sample(make.tensor([[1.0, 0.0], [2.0, -1.0]]))
        yield Sample(make(3)).raises(RuntimeError, "dimensions")


_ADDED = "torch ignores the gradient of the columns that are added"
_linalg_svd = torch.ops.aten._linalg_svd.default

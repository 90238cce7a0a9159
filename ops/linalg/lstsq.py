"""linalg.lstsq: the solution of equations with the least squares of their errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops.linalg._lstsq import of_rank
from plugrad.ops.linalg._pinv import TORCHS_CUT, cuts_off, gradient, gradient_with_cut
from plugrad.ops.linalg._vectors import is_vector


def _with_residuals(x: Tensor, y: Tensor, rcond: float | None = None, **driver: Any) -> Any:
    """The same in torch before 2.8, whose residuals had no gradient."""
    z, residuals, *rest = torch.linalg.lstsq(x, y, rcond, **driver)
    if residuals.numel():
        vectors = is_vector(x, y)
        error = x @ z.unsqueeze(-1) - y.unsqueeze(-1) if vectors else x @ z - y
        residuals = (error.abs() ** 2).sum(-2).view_as(residuals)
    return z, residuals + 0 * z.abs().sum(), *rest


@op(
    "linalg.lstsq",
    overrides=(torch.linalg.lstsq, torch.ops.aten.linalg_lstsq.default),
    reference=_with_residuals if torch_before("2.8") else None,
    aliases={"A": "x", "B": "y", "b": "y"},
    broadcasts=True,
    nondeterminism=1e-13,
    waives={"no-nan": "with an inf in x the solution may be finite, but no inverse is"},
)
class Lstsq(Function):
    """z = x^+ y, r = |x z - y|^2;  gy = x^+H gz - 2 (x z - y) gr, gx = p + 2 (x z - y) gr z^H.

    p is the gradient of x for that of x^+, which is gz y^H: see linalg.pinv.

    Of an x without full rank, z is the smallest solution: up to rcond, which has no gradient,
    and where the rank changes x has none. What it cuts off has a part in gx: see linalg.pinv;
    driver gelsy cuts by columns, and backward refuses that. r is empty where torch's is: unless x
    is tall and of full rank. rank and singular_values have no gradient. Golub and Pereyra 1973.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        rcond: float | None = None,
        *,
        driver: str | None = None,
    ) -> Any:
        found = torch.linalg.lstsq(x, y, rcond, driver=driver)
        cuts = rcond is not None and driver != "gels"
        ctx.save_for_backward(x, y, found.solution, found.rank.clone() if cuts else None)
        ctx.mark_non_differentiable(found.rank, found.singular_values)
        ctx.set_materialize_grads(False)
        ctx.driver, ctx.vectors = driver, is_vector(x, y)
        return found

    @staticmethod
    def backward(
        ctx: Context, gz: Tensor | None, gr: Tensor | None, *_: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        x, y, z, rank = ctx.saved_tensors
        if ctx.vectors:
            y, z = y.unsqueeze(-1), z.unsqueeze(-1)
            gz = None if gz is None else gz.unsqueeze(-1)
        gx = gy = None
        if gz is not None:
            pinv = torch.linalg.pinv(x) if rank is None else of_rank(x, rank, ctx.driver)
            gy, gpinv = pinv.mH @ gz, gz @ y.mH
            if rank is not None and cuts_off(x, pinv):
                gx = gradient_with_cut(gpinv, x, pinv, "linalg.lstsq")
            else:
                gx = gradient(gpinv, x, pinv)
        if gr is not None and gr.numel():
            error = 2 * gr.reshape(*z.shape[:-2], 1, z.shape[-1]) * (x @ z - y)
            gy = -error if gy is None else gy - error
            gx = error @ z.mH if gx is None else gx + error @ z.mH
        return gx, gy.squeeze(-1) if ctx.vectors and gy is not None else gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 2), make(4, 3), driver="gels")
        yield Sample(make(4, 2), make(4, 3), driver="gels").constant(0)
        yield Sample(make(4, 2), make(4, 3), driver="gels").constant(1)
        yield Sample(make(3, 3), make(3, 1), driver="gels")
        yield Sample(make(4, 2), make(4, 3), driver="gelsd")
        yield Sample(make(2, 4), make(2, 3), 1e-9, driver="gelsd")
        yield Sample(make(2, 4, 2), make(2, 4), driver="gels")
        yield Sample(make(2, 4, 2), make(2, 4, 1), driver="gelss")
        yield Sample(make.complex(4, 2), make.complex(4, 2), driver="gelsd")
        yield Sample(make.complex(2, 3), make.complex(2, 2), driver="gels")
        yield Sample(make(0, 3, 2), make(0, 3, 1))
        yield Sample(
            make.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]]),
            make.tensor([0.0, 1.0, 3.0]).unsqueeze(-1),
            driver="gelss",
        )
        yield Sample(make(1, 4, 2), make(2, 4, 1), driver="gels")
        yield Sample(make(2, 4, 2), make(1, 4, 1), driver="gels")
        tall = make.tensor([[3.0, 1.0], [0.0, 0.5], [1.0, 0.0]])
        yield Sample(tall, make(3, 2), 0.5, driver="gelsd").without_oracle(TORCHS_CUT)
        yield Sample(make(3, 2), make(2, 2)).raises(RuntimeError, "size")

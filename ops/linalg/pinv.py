"""linalg.pinv: the Moore-Penrose inverse."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._pinv import TORCHS_CUT, cuts_off, gradient, gradient_with_cut


@op(
    "linalg.pinv",
    overrides=(torch.linalg.pinv, torch.ops.aten.linalg_pinv.atol_rtol_tensor),
    aliases={"A": "x"},
    broadcasts=True,
    waives={"no-nan": "torch.linalg.pinv of a matrix with an inf is finite, and no inverse"},
)
class Pinv(Function):
    """y = x^+;  gx = -(y gy^H y)^H + (1 - x y) gy^H y y^H + y^H y gy^H (1 - y x).

    Singular values up to max(atol, rtol times the largest) count as 0: atol and rtol have no
    gradient, and where the rank changes, x has none. Where a chosen one counts what is not 0 as
    0, gx has one more term, which torch's lacks: see _pinv.py. hermitian reads one triangle of x.
    Golub and Pereyra 1973, theorem 4.3; the cheaper order of the products for tall and for
    wide x is that of pinv_backward in torch/csrc/autograd/FunctionsManual.cpp.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        *,
        atol: Tensor | float | None = None,
        rtol: Tensor | float | None = None,
        hermitian: bool = False,
    ) -> Tensor:
        y = torch.linalg.pinv(x, atol=atol, rtol=rtol, hermitian=hermitian)
        ctx.save_for_backward(x, y)
        ctx.chosen = atol is not None or rtol is not None
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        if ctx.chosen and cuts_off(x, y):
            return gradient_with_cut(gy, x, y, "linalg.pinv")
        return gradient(gy, x, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((3, 3), (2, 3), (4, 2), (2, 3, 2)):
            yield Sample(make(*shape))
        yield Sample(make.complex(3, 2))
        yield Sample(make.complex(2, 4), rtol=1e-9)
        yield Sample(make(3, 3, domain="symmetric"), hermitian=True)
        yield Sample(make(3, 2), atol=make.tensor(1e-9), rtol=make.tensor(1e-7)).constant(
            "atol", "rtol"
        )
        yield Sample(make(0, 3))
        yield Sample(make(2, 0, 3))
        yield Sample(make.tensor([[1.0, 0.0], [2.0, -1.0], [0.0, 1.0]]))
        tall = make.tensor([[3.0, 1.0], [0.0, 0.5], [1.0, 0.0]])
        yield Sample(tall, atol=1.0).without_oracle(TORCHS_CUT)
        yield Sample(tall.mT, rtol=0.3).without_oracle(TORCHS_CUT)
        yield Sample(make(3)).raises(RuntimeError, "dimensions")

"""linalg.matrix_exp: the exponential of a matrix."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "linalg.matrix_exp",
    methods=("matrix_exp",),
    overrides=(
        torch.linalg.matrix_exp,
        torch.matrix_exp,
        torch.ops.aten.linalg_matrix_exp.default,
        torch.ops.aten.matrix_exp.default,
    ),
    waives={
        "no-nan": "of a one by one -inf it is 0, but the blocks around it are nan, as in torch"
    },
)
class MatrixExp(Function):
    """y = 1 + x + x^2 / 2 + ...;  gx = the right upper block of exp([[x^H, gy], [0, x^H]]).

    Mathias 1996, "A chain rule for matrix functions and applications", theorem 2.1.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return _exp(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        n = x.shape[-1]
        adjoint = x.mH
        rows = torch.cat((adjoint, gy), -1), torch.cat((torch.zeros_like(gy), adjoint), -1)
        return _exp(torch.cat(rows, -2))[..., :n, n:]

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3))
        yield Sample(make(2, 2, 2))
        yield Sample(make.complex(2, 2))
        yield Sample(make(1, 1))
        yield Sample(make(0, 0))
        yield Sample(make(0, 2, 2))
        yield Sample(make.tensor([[0.0, 1.0], [0.0, 0.0]]))
        yield Sample(make(2, 3)).raises(RuntimeError, "square")


def _exp(x: Tensor) -> Tensor:
    """The exponential; in float32 where torch's kernel, in narrower types, gives inf or 1e29."""
    narrow = x.dtype in (torch.bfloat16, torch.float16)
    return torch.linalg.matrix_exp(x.float()).to(x.dtype) if narrow else torch.linalg.matrix_exp(x)

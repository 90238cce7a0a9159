"""cholesky_inverse: the inverse of a matrix from its Cholesky factor."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._cholesky import of_product


@op(
    "cholesky_inverse",
    methods=("cholesky_inverse",),
    overrides=(torch.cholesky_inverse, torch.ops.aten.cholesky_inverse.default),
    waives={
        "no-nan": "an infinite factor has a finite inverse, but is not finite itself",
        "complex": "torch's kernels take the diagonal of the factor to be real",
    },
    equivalent={
        "conj-dropped": "complex factors, whose diagonal must be real, are in test_cholesky.py",
    },
)
class CholeskyInverse(Function):
    """y = (x x^H)^-1, or (x^H x)^-1 with upper;  ga = -y gy y, gx = tril((ga + ga^H) x).

    With upper gx = triu(x (ga + ga^H)). The other triangle of x is not looked at.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, upper: bool = False) -> Tensor:
        y = torch.cholesky_inverse(x, upper)
        ctx.save_for_backward(x, y)
        ctx.upper = upper
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        return of_product(-y @ gy @ y, x, ctx.upper)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        full = "torch also gives the triangle that is not read a gradient"
        yield Sample(make(3, 3) + 3 * torch.eye(3)).without_oracle(full)
        yield Sample(make(2, 2, 2) + 3 * torch.eye(2), True).without_oracle(full)
        yield Sample(make(1, 1) + 3)
        yield Sample(make(0, 0))
        yield Sample(make(0, 2, 2), upper=True)
        yield Sample(make.tensor([[1.0, 0.0], [0.0, 2.0]])).without_oracle(full)
        yield Sample(make(2, 3)).raises(RuntimeError, "square")

"""linalg.householder_product: the orthonormal columns that reflections make."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._reflections import gradients

_DIGITS = "torch divides by what is nearly 0, and loses digits: see test_reflections.py"


@op(
    "linalg.householder_product",
    methods=("orgqr",),
    overrides=(
        torch.linalg.householder_product,
        torch.orgqr,
        torch.ops.aten.linalg_householder_product.default,
        torch.ops.aten.orgqr.default,
    ),
    aliases={"A": "x", "tau": "y", "input2": "y"},
    waives={
        "stretched": _DIGITS,
        "magnitudes": _DIGITS,
    },
)
class HouseholderProduct(Function):
    """z = the first columns of H[0] H[1] ..., H[i] = 1 - y[i] v v^H, v = column i of x, from i on.

    With g the gradient of H r: gr = H^H g, gy[i] = -(v^H r)^* . (v^H g), gv = -conj(y) g
    (v^H r)^H - y r (v^H g)^H. Only the part of v below the diagonal is x's; the 1 on it and
    the rest of x are not looked at. See _reflections.py.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.linalg.householder_product(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor]:
        x, y = ctx.saved_tensors
        columns = torch.eye(*x.shape[-2:], dtype=x.dtype, device=x.device)
        return gradients(gz, x, y, columns)[:2]

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3), make(3))
        yield Sample(make(4, 2), make(2))
        yield Sample(make(4, 3), make(2))
        yield Sample(make(2, 3, 2), make(2, 2))
        yield Sample(make(4, 2), make(2)).constant(0)
        yield Sample(make(4, 2), make(2)).constant(1)
        yield Sample(make.complex(3, 2), make.complex(2))
        yield Sample(make.complex(2, 2, 2), make.complex(2, 1))
        yield Sample(make(3, 2), make(0))
        yield Sample(make(0, 3, 2), make(0, 2))
        x = make.tensor([[0.5, 1.0], [0.0, 2.0], [1.0, 0.0]])
        yield Sample(x, make.tensor([0.7, 0.0]))
        zeros = Sample(make.tensor([[0.0, 1.0], [1.0, 0.0]]), make.tensor([0.0, 1.0]))
        yield zeros.without_oracle("torch divides by 0 where a reflection has no inverse")
        yield Sample(make(2, 3), make(2)).raises(RuntimeError, "greater than or equal")

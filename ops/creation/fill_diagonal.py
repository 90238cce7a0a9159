"""fill_diagonal: one number in all elements whose indices are equal."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.errors import ArgumentError
from plugrad.ops.creation._random import in_place


@op(
    "fill_diagonal",
    reference=in_place("fill_diagonal_"),
    inplace=("fill_diagonal_",),
    equivalent={"first-element": "the first element is on the diagonal: its gradient is 0"},
    waives={"to-library": "torch.compile with dynamic shapes could not trace fill_diagonal_"}
    if torch_before("2.13")
    else {},
)
class FillDiagonal(Function):
    """y = fill_value on the main diagonal, else x;  gx = 0 there, else gy.

    With more than two dimensions all have one length. With wrap the diagonal of a tall matrix
    begins again after each block of as many rows as there are columns, and one between.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, fill_value: complex, wrap: bool = False) -> Tensor:
        if ctx.needs_input_grad[1]:
            raise ArgumentError(
                "fill_diagonal_ takes a number, and a Variable that requires grad was given",
                where="a call of fill_diagonal_",
                fix="pass .item() of it; or, for its gradient, "
                f"torch.where(torch.eye{tuple(x.shape)}.bool(), value, x)",
            )
        ctx.wrap = wrap
        return x.clone().fill_diagonal_(fill_value, wrap)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy.clone().fill_diagonal_(0, ctx.wrap)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), 2.5)
        yield Sample(make(5, 2), -1)
        yield Sample(make(5, 2), 1, True)
        yield Sample(make(3, 3), fill_value=0, wrap=True)
        yield Sample(make(2, 2, 2), 3)
        yield Sample(make.complex(2, 3), 1j)
        yield Sample(make.integers(3, 3), 7)
        yield Sample(make(0, 3), 1)

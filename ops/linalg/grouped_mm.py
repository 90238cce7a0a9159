"""nn.functional.grouped_mm: the products of matrices that belong to groups, as experts' do."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._groups import by_group, grouped, in_no_group

_F = torch.nn.functional


@op(
    "nn.functional.grouped_mm",
    overrides=(
        *([_F.grouped_mm] if hasattr(_F, "grouped_mm") else []),  # torch 2.10
        torch._grouped_mm,
        torch.ops.aten._grouped_mm.default,
    ),
    reference=by_group,
    aliases={"mat_a": "x", "mat_b": "y", "mat2": "y"},
    dtypes=(torch.float32, torch.float16, torch.bfloat16),
    waives={
        "to-library": "torch's own kernel for meta tensors takes bfloat16 alone",
        "branches": "a sample with rows in no group would be compared with what torch leaves there",
    },
    equivalent={"option-ignored[out_dtype]": "torch's kernel takes no dtype but the inputs'"},
)
class GroupedMm(Function):
    """z[g] = x[g] y[g];  gx[g] = gz[g] y[g]^T, gy[g] = x[g]^T gz[g], g the group.

    Three dimensions are one matrix per group. In a matrix, group g is the rows of x, the
    columns of y, or, if both are matrices, the columns of x and rows of y, from offs[g - 1]
    to offs[g]. Both gradients are such products themselves. What is beyond offs[-1] is in
    no group: z and the gradients are 0 there, where torch leaves any numbers.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        offs: Tensor | None = None,
        bias: Tensor | None = None,
        out_dtype: torch.dtype | None = None,
    ) -> Tensor:
        need_gx, need_gy, *_ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gy else None, y if need_gx else None, offs)
        z = torch._grouped_mm(x, y, offs, bias, out_dtype)
        if z.dim() == 2:
            z.masked_fill_(in_no_group(z, offs, x.dim() == 2), 0.0)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y, offs = ctx.saved_tensors
        gx = None if y is None else grouped(gz, y.mT, offs)
        return gx, None if x is None else grouped(x.mT, gz, offs)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def made(*shape: int) -> Tensor:  # strides are multiples of 16 bytes, also in float16
            return make(*shape, dtype=torch.float32)

        offs = make.tensor([1, 4], dtype=torch.int32)
        part = make.tensor([2, 8], dtype=torch.int32)
        yield Sample(made(4, 8), made(2, 8, 8), offs=offs)
        yield Sample(made(8, 8), made(2, 8, 8), offs=part)
        yield Sample(made(4, 8), made(2, 8, 8).mT, offs=offs)
        narrow = Sample(made(4, 8), made(2, 3, 8).mT, offs=offs)
        yield narrow.waive("layouts", "rows of 3 numbers do not begin at multiples of 16 bytes")
        yield Sample(made(2, 3, 8), made(8, 8), offs=part)
        yield Sample(made(3, 8), made(8, 8), offs=part)
        yield Sample(made(2, 3, 8), made(2, 8, 8))
        for constant in range(2):
            yield Sample(made(4, 8), made(2, 8, 8), offs=offs).constant(constant)
        yield Sample(made(0, 8), made(2, 8, 8), offs=make.tensor([0, 0], dtype=torch.int32))
        zero = make.tensor([[0.0, 2.0, -3.0, 0.0] * 2] * 8, dtype=torch.float32)
        yield Sample(zero[:2], zero, offs=offs)
        yield Sample(made(4, 3), made(2, 3, 8), offs=offs).raises(RuntimeError, "16 bytes")
        yield Sample(made(4, 8), made(2, 8, 8)).raises(RuntimeError, "offset")
        other = Sample(made(4, 8), made(2, 8, 8), offs=offs, out_dtype=torch.float64)
        yield other.raises(RuntimeError, "dtype")

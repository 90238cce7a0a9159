"""low-precision, where the controls do not reach."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import plugrad as pg
from plugrad.testing import check_op
from plugrad.testing.laws.low_precision import _can_compute


class StoredInNarrow(pg.Function):
    """y = x, in a dtype that torch only stores if x is narrow."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.to(torch.float8_e4m3fn) if x.element_size() < 4 else x * 1

    @staticmethod
    def backward(ctx, gy):
        return gy

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))


@pytest.mark.parametrize(("wrong", "status"), [(False, "not applicable"), (True, "failed")])
def test_numbers_drawn_in_each_dtype_are_no_lack_of_precision(wrong, status):
    class Dropout(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            # Drawn in float32 they are the same beside float64.
            drawn = torch.rand(x.shape) if wrong else torch.rand_like(x)
            mask = (drawn > 0.5).to(x.dtype)
            ctx.save_for_backward(mask)
            return x * mask

        @staticmethod
        def backward(ctx, g):
            (mask,) = ctx.saved_tensors
            return g * mask * (2 if wrong and g.dtype is torch.float32 else 1)

    (result,) = check_op(
        Dropout, samples=lambda make: [make(3, 4)], random=True, laws=["low-precision"]
    )
    assert result.status == status, result


def test_low_precision_leaves_out_what_torch_only_stores():
    report = check_op(StoredInNarrow, laws=["low-precision"])
    assert [result.status for result in report] == ["passed"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16, torch.complex64])
def test_torch_computes_in_these(dtype):
    assert _can_compute(dtype, torch.device("cpu"))


def test_torch_does_not_compute_in_these():
    assert not _can_compute(torch.float8_e4m3fn, torch.device("cpu"))
    stored = getattr(torch, "bcomplex32", None)  # since 2.14
    assert stored is None or not _can_compute(stored, torch.device("cpu"))

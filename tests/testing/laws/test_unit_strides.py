"""The law unit-strides: strides that lead to no element change nothing."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample
from plugrad.testing import check_op


def verdict(function, samples):
    function.samples = staticmethod(samples)
    return check_op(function, laws=["unit-strides"])


class RawBatchNorm(pg.Function):
    """torch's kernels, which misread an image whose batch of one has an odd stride."""

    @staticmethod
    def forward(ctx, x):
        y, mean, scale = torch.native_batch_norm(x, None, None, None, None, True, 0.1, 1e-5)
        ctx.save_for_backward(x, mean, scale)
        return y

    @staticmethod
    def backward(ctx, gy):
        x, *statistics = ctx.saved_tensors
        kernel = torch.ops.aten.native_batch_norm_backward.default
        weight = x.new_ones(x.shape[1])
        return kernel(gy, x, weight, None, None, *statistics, True, 1e-5, [True, False, False])[0]


def test_a_kernel_that_misreads_images_is_caught():
    (failure,) = verdict(RawBatchNorm, lambda make: [Sample(make(2, 3, 2, 2))]).failures
    assert "strides of dimensions of size 1" in failure.message


def test_without_a_dimension_of_size_1_the_law_does_not_apply():
    report = verdict(RawBatchNorm, lambda make: [Sample(make(2, 3)), Sample(make(4, 3))])
    assert [r.status for r in report.results][1:] == ["not applicable"]

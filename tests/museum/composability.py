"""torch.func and torch.compile: a Function that neither can take as it is."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room, custom_op


class BatchedProduct(Function):
    @staticmethod
    def forward(x, y):
        return x * y

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz * y, gz * x

    @staticmethod
    def vmap(info, in_dims, x, y):
        x_dim, y_dim = in_dims
        x = x.movedim(x_dim, -1) if x_dim is not None else x.unsqueeze(-1)
        y = y.movedim(y_dim, -1) if y_dim is not None else y.unsqueeze(-1)
        return BatchedProduct.apply(x, y).movedim(-1, 0), 0


class BatchedProductBefore(BatchedProduct):
    @staticmethod
    def vmap(info, in_dims, x, y):
        x_dim, y_dim = in_dims
        x = x.movedim(x_dim, -1) if x_dim else x.unsqueeze(-1)
        y = y.movedim(y_dim, -1) if y_dim else y.unsqueeze(-1)
        return BatchedProductBefore.apply(x, y).movedim(-1, 0), 0


def batched_samples(make):
    yield Sample(make(4), make(4))


class Sinc(Function):
    """sin(x) / x, smooth at 0, where the quotient rule gives 0 / 0."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        small = x.abs() < 1e-2
        safe = torch.where(small, 1, x)
        series = 1 - x**2 / 6 + x**4 / 120 - x**6 / 5040
        return torch.where(small, series, torch.sin(safe) / safe)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * _sinc_slope(x)


class SincBefore(Sinc):
    @staticmethod
    def forward(x):
        return torch.where(x == 0, 1, torch.sin(x) / x)


def _sinc_slope(x):
    small = x.abs() < 1e-2
    safe = torch.where(small, 1, x)
    series = -x / 3 + x**3 / 30 - x**5 / 840
    return torch.where(small, series, (safe * torch.cos(safe) - torch.sin(safe)) / safe**2)


def sinc_samples(make):
    yield Sample(make.tensor([-2.0, 0.0, 0.5, 3.0]))


def _transposed_product(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return (weight @ x.mT).mT


def product_rule(ctx, gy):
    x, weight = ctx.saved_tensors
    return gy @ weight, gy.mT @ x


def fake_before(x, weight):
    return x @ weight.mT


def fake(x, weight):
    return (weight @ x.mT).mT


def product_samples(make):
    yield Sample(make(4, 3), make(5, 3))


ROOM = Room(
    "composability",
    "torch.func and torch.compile",
    "Transforms and compilers run a rule in their own ways. Whatever is written for them, such as "
    "a rule for vmap or a fake kernel, must agree with it. (A Function without `setup_context`, "
    "which torch.func refuses, is not among the exhibits: plugrad only warns about it.)",
    (
        Exhibit(
            "a rule for vmap that takes dimension 0 for none",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/pull/90037",
            "The example in the announcement tests `if x_bdim`, which is false for dimension 0.",
            "func-vmap",
            BatchedProductBefore,
            BatchedProduct,
            batched_samples,
            shown=("vmap",),
        ),
        Exhibit(
            "the compiler drops the rule",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/193279",
            "Under `torch.compile` of `torch.func.grad`, torch up to 2.13 drops backward and "
            "differentiates forward, which gives nan at 0. The fix is a forward that is right "
            "then, too.",
            "compiled",
            SincBefore,
            Sinc,
            sinc_samples,
            shown=("forward", "backward"),
        ),
        Exhibit(
            "strides that a fake kernel invents",
            "KellerJordan/modded-nanogpt",
            "https://github.com/KellerJordan/modded-nanogpt/pull/83",
            "The op returns a transposed product. Its fake kernel returns a contiguous one.",
            "opcheck",
            custom_op("product_before", _transposed_product, product_rule, fake_before),
            custom_op("product", _transposed_product, product_rule, fake),
            product_samples,
            rules=(fake_before, fake),
        ),
    ),
)

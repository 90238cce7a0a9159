"""What the orthogonal polynomials share: one rule, and samples for their common corners."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad import Context, Sample, SampleMaker
from plugrad_special.ops._polynomial_families import FAMILIES
from plugrad_special.ops.polynomial_derivative import PolynomialDerivative


def forward(ctx: Context, family: str, x: Tensor, n: Tensor) -> Tensor:
    """The kernel's value; and nan where x is, for which most kernels leave theirs unset."""
    ctx.save_for_backward(x, n)
    y = FAMILIES[family].kernel(x, n)
    is_nan = x != x  # noqa: PLR0124 (x may be a number)
    return torch.where(is_nan & (n >= 1), torch.nan, y)


def backward(ctx: Context, family: str, gy: Tensor) -> tuple[Tensor | None, None]:
    """The gradient in x; there is none in n, which loses its fraction."""
    if not ctx.needs_input_grad[0]:
        return None, None
    x, n = ctx.saved_tensors
    return gy * PolynomialDerivative.apply(x, n, family, 1), None


def samples(make: SampleMaker) -> Iterator[Sample]:
    """Degrees of all kinds, numbers for either operand, broadcasting, dtypes."""
    yield Sample(make(3, 4), 5)
    yield Sample(make(3, 1), make.integers(2, 1, 4, high=9))
    yield Sample(make(4), make.integers(2, 1, high=9))
    yield Sample(make(8), make.tensor([-3, -1, 0, 1, 2, 7, 9, 30]).long())
    yield Sample(make(4), n=3)
    yield Sample(make(4), 3.7)
    yield Sample(make(4), -1)
    yield Sample(make(4), make(4, low=2.2, high=2.8))
    yield Sample(make(4), make.tensor([2.0, 3.9, 0.0, -0.5])).constant(1)
    yield Sample(make(3), make.tensor(4.0).float()).constant(1)
    yield Sample(0.3, make.tensor([0.0, 1.0, 5.0])).constant(1)
    yield Sample(0.5, make.integers(4, high=3))
    yield Sample(make.integers(4), make.integers(4, high=3))
    yield Sample(make(3).float(), make.integers(3, high=7))
    yield Sample(make(3).float(), make.tensor([2.0, 3.0, 5.0])).constant(1)
    yield Sample(make(), 4)
    yield Sample(make(0, 3), 4)
    yield Sample(make.tensor([-1.0, 0.0, 0.5, 1.0]), 6)
    yield Sample(make.tensor([-1.0, -0.0, 0.5, 1.0]), 1)
    yield Sample(make.tensor([-1.0, 0.0, 1.0]), make.tensor([3, 20, 9]).long())

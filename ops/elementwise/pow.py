"""pow: x to the power of y."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.elementwise._pow_log import base_slope, exponent_slope


@op(
    "pow",
    methods=("pow", "__pow__", "__rpow__"),
    overrides=(
        torch.pow,
        torch.ops.aten.pow.Tensor_Tensor,
        torch.ops.aten.pow.Tensor_Scalar,
        torch.ops.aten.pow.Scalar,
    ),
    aliases={"exponent": "y"},
    broadcasts=True,
    elementwise=True,
    waives={
        "no-nan": "as in torch: the slope in y is nan for a negative x, as x^y has none there, "
        "and at an infinite x or y a product of 0 and inf is left",
    },
    inplace=True,
)
class Pow(Function):
    """z = x^y;  gx = gz conj(y x^(y - 1)), gy = gz conj(z log(x)).

    gx is 0 where y = 0, also at x = 0. gy is 0 where x = 0 and y >= 0, the limit, and nan
    where x is negative, unless z is complex. Second derivatives at x = 0 are limits too,
    where torch's are nan (pytorch#95180).
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        z = torch.pow(x, y)
        ctx.save_for_backward(x, y, z if ctx.needs_input_grad[1] else None)
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        need_gx, need_gy = ctx.needs_input_grad
        x, y, z = ctx.saved_tensors
        gx = _base_gradient(gz, x, y) if need_gx else None
        gy = _exponent_gradient(gz, x, y, z) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.3), make(3, 4))
        yield Sample(make(3, 1, low=0.3), make(2, 1, 4))
        yield Sample(make.nonzero(3, 4), 3)
        yield Sample(make(3, low=0.3), exponent=2.5)
        yield Sample(make.tensor([-2.0, 0.0, 3.0]), 2)
        yield Sample(make.tensor([-2.0, 0.0, 3.0]), 1)
        yield Sample(make.tensor([-2.0, 0.0, 3.0]), 0)
        yield Sample(make.tensor([-2.0, 0.0, 3.0]), 0.5)
        yield Sample(make.tensor([-2.0, 0.0, 3.0]), -1)
        yield Sample(2, make(3))
        yield Sample(0, make.tensor([-1.0, 0.0, 2.0]))
        yield Sample(-2.0, make.tensor([-1.0, 0.0, 2.0, 0.5]))
        yield Sample(1 + 1j, make(3))
        yield Sample(2, make.complex(3))
        yield Sample(
            0, make.tensor([1 + 1j, 2 - 1j, -1 + 1j], dtype=torch.complex128)
        ).without_oracle("it is nan, where 0^y is 0 around every y of a positive real part")
        yield Sample(make(3, low=0.3), 1 + 2j)
        x, y = [0.0, 0.0, 0.0, -2.0, -2.0, 3.0], [2.0, 0.0, -1.0, 2.0, 0.5, 0.0]
        edges = Sample(make.tensor(x), make.tensor(y))
        yield edges.waive("third-order", "torch has 0 at y = 0 for d/dy of gx = 1/x")
        yield Sample(make.tensor([-2.0, 0.0, 3.0]), make.tensor([2.0, 2.0, 0.0])).constant(1)
        yield Sample(make(3, low=0.3), make(3)).constant(0)
        yield Sample(make.integers(3, low=1), make(3))
        yield Sample(make.nonzero(3), make.integers(3))
        yield Sample(make.nonzero(3) * 50, make.tensor([0, 1, 3], dtype=torch.uint8))
        yield Sample(make.integers(3), make.integers(3))
        yield Sample(make.complex(3), make.complex(2, 3))
        yield Sample(make.complex(3), make(3))
        yield Sample(make(3, low=0.3), make.complex(3))
        at_zero = make.tensor([-2.0, 0.0]), make.tensor([1 + 1j, 2], dtype=torch.complex128)
        yield Sample(*at_zero)
        yield Sample(-2, make.complex(3))
        yield Sample(make.complex(3), 2)
        yield Sample(make(0, 3, low=0.3), make(3))
        yield Sample(make(low=0.3), make(2))


def _base_gradient(gz: Any, x: Any, y: Any) -> Any:
    if not isinstance(y, int | float | complex):
        y = y if y.dtype.is_signed else y.long()  # 0 - 1 would be 255
        return gz * conj(base_slope(x, y, 0))
    if y == 0:
        return torch.zeros_like(gz)
    return gz * conj(y * x ** (y - 1))


def _exponent_gradient(gz: Any, x: Any, y: Any, z: Any) -> Any:
    if isinstance(x, int | float | complex):
        x = torch.full((), x, dtype=gz.dtype, device=gz.device)
    elif x.dtype is not gz.dtype:
        x = x.to(gz.dtype)
    return gz * conj(exponent_slope(x, y, z))

"""sigmoid: the logistic function."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Elementwise, Sample, SampleMaker, op


@op(
    "sigmoid",
    methods=("sigmoid",),
    overrides=(
        torch.sigmoid,
        torch.special.expit,
        torch.nn.functional.sigmoid,
        torch.ops.aten.sigmoid.default,
        torch.ops.aten.special_expit.default,
    ),
    elementwise=True,
    inplace=True,
)
class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x));  gx = gy conj(y (1 - y)).

    As in torch it comes from y alone: it has 12 digits up to x = 8, and is 0 beyond 37.
    """

    needs = "y"
    value = staticmethod(torch.sigmoid)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return y * (1 - y)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return _sigmoid_backward(gy, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-800.0, -40.0, 40.0, 800.0]))
        yield Sample(make.tensor([0.0, -0.0, 0.5]))


# One kernel in place of three.
_sigmoid_backward = torch.ops.aten.sigmoid_backward.default

"""tanh: the hyperbolic tangent."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Elementwise, Sample, SampleMaker, op


@op(
    "tanh",
    methods=("tanh",),
    overrides=(torch.tanh, torch.nn.functional.tanh, torch.ops.aten.tanh.default),
    elementwise=True,
    inplace=True,
)
class Tanh(Elementwise):
    """y = tanh(x);  gx = gy conj(1 - y^2).

    As in torch it comes from y alone: it has 12 digits up to |x| = 5, and is 0 beyond 19.
    """

    needs = "y"
    value = staticmethod(torch.tanh)

    @staticmethod
    def slope(x: Tensor, y: Tensor) -> Tensor:
        return 1 - y * y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        return _tanh_backward(gy, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(5))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([0.0, -0.0, 0.5]))


# One kernel in place of three.
_tanh_backward = torch.ops.aten.tanh_backward.default

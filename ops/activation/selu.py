"""nn.functional.selu: elu, scaled so that many layers keep mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "nn.functional.selu",
    overrides=(torch.selu, torch.nn.functional.selu, torch.ops.aten.selu.default),
    elementwise=True,
    inplace=("selu_",),
)
class Selu(Function):
    """y = scale x where x > 0, else scale alpha (exp(x) - 1).

    gx = gy scale where x > 0, else gy scale alpha exp(x). scale = 1.05..., alpha = 1.67...:
    Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.selu(x)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return _elu_backward(gy, _ALPHA, _SCALE, 1, False, x)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make.tensor([-800.0, -0.0, 0.0, 800.0])).at_kink()


_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805
_elu_backward = torch.ops.aten.elu_backward.default

"""logaddexp: the logarithm of a sum of exponentials."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "logaddexp",
    methods=("logaddexp",),
    overrides=(torch.logaddexp, torch.ops.aten.logaddexp.default, torch.ops.aten.logaddexp),
    broadcasts=True,
    elementwise=True,
)
class Logaddexp(Function):
    """z = log(exp(x) + exp(y));  gx = gz conj(exp(x - z)), gy = gz conj(exp(y - z)).

    They are computed as sigmoid(x - y) and sigmoid(y - x), which is exact for large numbers too.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return torch.logaddexp(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = gz * conj(_share(x, y)) if need_gx else None
        gy = gz * conj(_share(y, x)) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make.complex(3), make.complex(3))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make())
        yield Sample(make.tensor([40.0, -40.0, 0.0, 1.0]), make.tensor([-40.0, 1.0, 0.0, 40.0]))
        yield Sample(make.tensor([800.0, -800.0]), make.tensor([-800.0, 800.0]))
        far = make.complex(3, high=2.0) + make.tensor([800.0, -800.0, 0.0])
        yield Sample(far, make.complex(3)).without_oracle("of numbers far from another it is nan")


def _share(x: Tensor, y: Tensor) -> Tensor:
    if not (x.is_complex() or y.is_complex()):
        return (x - y).sigmoid()
    more = x.real >= y.real  # of complex numbers torch's sigmoid is nan far from 0
    ratio = torch.where(more, y - x, x - y).exp()
    return torch.where(more, 1.0, ratio) / (1 + ratio)

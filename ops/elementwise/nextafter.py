"""nextafter: the next floating number in a direction."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


def _reference(x: Tensor, y: Tensor) -> Tensor:
    z = torch.nextafter(x.detach(), y.detach())
    kept = torch.where(x == y, 0.0, x - x.detach()) + 0 * (y - y.detach())
    return z + torch.where(kept == 0, kept, 0.0)  # of an infinite number it is nan


@op(
    "nextafter",
    methods=("nextafter",),
    overrides=(torch.nextafter, torch.ops.aten.nextafter.default),
    reference=_reference,
    broadcasts=True,
    elementwise=True,
    equivalent={"unbroadcast-dropped[y]": "the gradient of y is zero"},
    inplace=True,
)
class Nextafter(Function):
    """z = the number after x on the way to y;  gx = gz, gy = 0.

    But for the last digit z is x. Where x and y are equal, which is a jump, both gradients
    are 0, as torch's since 2.13; before, it has none.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(*((x, y) if ctx.needs_input_grad[0] else (None, None)))
        return torch.nextafter(x, y)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad
        gx = torch.where(x == y, 0.0, gz) if need_gx else None
        return gx, torch.zeros_like(gz) if need_gy else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4))
        yield Sample(make(3, 1), make(2, 1, 4))
        yield Sample(make(3), make(3)).constant(0)
        yield Sample(make(3), make(3)).constant(1)
        yield Sample(make(0, 3), make(3))
        yield Sample(make(), make())
        yield Sample(make.tensor([0.0, 1.0]), make.tensor([1.0, 0.0]))
        yield Sample(make.tensor([1.0, 2.0]), make.tensor([1.0, 3.0])).waive(
            "numeric", "where x and y are equal torch has 0"
        )

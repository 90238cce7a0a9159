"""pin_memory: a copy in memory that a GPU can read while the program goes on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op(
    "pin_memory",
    overrides=(torch.ops.aten._pin_memory.default, torch.ops.aten.pin_memory.default),
    methods=("pin_memory",),
    reference=lambda x, device=None: x.clone(),  # noqa: ARG005
    linear=True,
    view=True,
    waives={"primitive": "torch's own runs only where there is a device to pin memory for"},
)
class PinMemory(Function):
    """y = x in pinned memory;  gx = gy.

    Where x is pinned already, y is x itself. Unlike torch's, it copies where there is no device
    to pin memory for, so that its samples run there.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, device: torch.device | str | None = None) -> Tensor:
        has_device = x.is_cuda or (x.is_cpu and torch.cuda.is_available())
        return x.pin_memory() if has_device else x.clone()

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make.complex(2))
        yield Sample(make(0))

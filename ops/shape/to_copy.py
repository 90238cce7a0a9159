"""to_copy: a copy of another dtype, on another device."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op


@op("to_copy", overrides=(torch.ops.aten._to_copy.default, torch.ops.aten._to_copy), linear=True)
class ToCopy(Function):
    """y = x cast to dtype on device;  gx = gy cast and moved back.

    aten's _to_copy: it always copies. A complex x cast to a real dtype loses its
    imaginary part; of a complex gradient of a real x the real part counts.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | None = None,
        pin_memory: bool | None = None,
        non_blocking: bool = False,
        memory_format: torch.memory_format | None = None,
    ) -> Tensor:
        ctx.x_dtype, ctx.x_device = x.dtype, x.device
        y: Tensor = torch.ops.aten._to_copy.default(
            x,
            dtype=dtype,
            layout=layout,
            device=device,
            pin_memory=pin_memory,
            non_blocking=non_blocking,
            memory_format=memory_format,
        )
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        if gy.is_complex() and not ctx.x_dtype.is_complex:
            gy = gy.real
        return gy.to(ctx.x_device, ctx.x_dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), dtype=torch.float32)
        yield Sample(make(3, 4, dtype=torch.float32), dtype=torch.float64)
        yield Sample(make(3), dtype=torch.complex128, device=make.device)
        yield Sample(make.complex(3), dtype=torch.complex64)
        yield Sample(make(2, 3).t(), dtype=torch.float32, memory_format=torch.contiguous_format)
        yield Sample(make(3), dtype=torch.int64)
        yield Sample(make.integers(3), dtype=torch.float64)
        yield Sample(make(), dtype=torch.float32)
        yield Sample(make(0, 3), dtype=torch.float32)
        yield Sample(make(3), non_blocking=True)
        yield Sample(make(3), layout=torch.strided, pin_memory=False)

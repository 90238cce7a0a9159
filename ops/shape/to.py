"""to: another dtype, another device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "to",
    methods=("to",),
    reference=torch.Tensor.to,
    aliases={"tensor": "other"},
    linear=True,
)
class To(Composite):
    """y = x cast to a dtype on a device;  gx = gy cast and moved back.

    Called as to(dtype), to(device, dtype) or to(other), each with non_blocking and copy
    after it. Where there is nothing to do, y is x itself, as in torch.
    """

    @staticmethod
    def forward(
        x: Tensor,
        *target: Any,
        dtype: torch.dtype | None = None,
        device: torch.device | str | int | None = None,
        other: Tensor | None = None,
        non_blocking: bool = False,
        copy: bool = False,
        memory_format: torch.memory_format = torch.preserve_format,
    ) -> Tensor:
        if target:
            named = dict(zip(_names(target[0]), target, strict=False))
            dtype, device = named.get("dtype", dtype), named.get("device", device)
            other = named.get("other", other)
            non_blocking, copy = named.get("non_blocking", non_blocking), named.get("copy", copy)
        if other is not None:
            dtype, device = other.dtype, other.device
        dtype = x.dtype if dtype is None else dtype
        device = x.device if device is None else torch.device(device)
        if not copy and x.dtype is dtype and _same_place(x.device, device):
            return x.contiguous(memory_format=memory_format)
        return torch.ops.aten._to_copy.default(
            x, dtype=dtype, device=device, non_blocking=non_blocking, memory_format=memory_format
        )

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), torch.float32)
        yield Sample(make(3, 4, dtype=torch.float32), torch.float64)
        yield Sample(make(3), dtype=torch.bfloat16)
        yield Sample(make(3), torch.float64)
        yield Sample(make(3), torch.float32, False, True)
        yield Sample(make(3), torch.float64, non_blocking=False, copy=True)
        yield Sample(make(3), make.device)
        yield Sample(make(3), str(make.device), torch.float32)
        yield Sample(make(3), make.device, None, True, True)
        yield Sample(make(3), device=make.device, dtype=torch.float32)
        yield Sample(make(3), None, torch.float32)
        yield Sample(make(3), make(2, dtype=torch.float32)).constant(1)
        yield Sample(make(3), tensor=make.complex(2)).constant("tensor")
        yield Sample(make(3), make.integers(2), False, True)
        yield Sample(make(2, 3).t(), torch.float32, memory_format=torch.contiguous_format)
        yield Sample(make(2, 3).t(), copy=True, memory_format=torch.contiguous_format)
        yield Sample(make(2, 2, 2, 2), torch.float64, memory_format=torch.channels_last)
        yield Sample(make(3), torch.complex128)
        yield Sample(make.complex(3), torch.complex64)
        yield Sample(make.complex(3), torch.complex128)
        yield Sample(make(3), torch.int64)
        yield Sample(make.integers(3), torch.float64)
        yield Sample(make(), torch.float32)
        yield Sample(make(0, 3), torch.float32)


def _names(first: Any) -> tuple[str, ...]:
    """What the positional arguments are, which the first of them decides."""
    if isinstance(first, torch.dtype):
        return "dtype", "non_blocking", "copy"
    if hasattr(first, "dtype"):
        return "other", "non_blocking", "copy"
    return "device", "dtype", "non_blocking", "copy"


def _same_place(here: torch.device, there: torch.device) -> bool:
    """Whether the devices are the same; one without a number is the current of its type."""
    if here == there or here.type != there.type or there.index is not None:
        return here == there
    return here.index == torch.get_device_module(there).current_device()

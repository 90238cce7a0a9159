"""to: another dtype, another device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.errors import ArgumentError


@op(
    "to",
    methods=("to",),
    reference=torch.Tensor.to,
    aliases={"tensor": "other"},
    linear=True,
    view=True,
    waives={"lines": "some compare devices, and here there is one"},
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
            named = _named(target)
            dtype, device = named.get("dtype", dtype), named.get("device", device)
            other = named.get("other", other)
            non_blocking, copy = named.get("non_blocking", non_blocking), named.get("copy", copy)
        if other is not None:
            dtype, device = other.dtype, other.device
        dtype = x.dtype if dtype is None else dtype
        device = x.device if device is None else torch.device(device)
        same = x.dtype is dtype and _same_place(x.device, device)
        preserve = memory_format is torch.preserve_format
        if same and not copy and (preserve or memory_format is _format(x)):
            return x
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
        yield Sample(make(2, 3).t(), torch.float64)
        yield Sample(make(2, 3).t(), torch.float64, memory_format=torch.contiguous_format)
        yield Sample(make(2, 3).t(), copy=True, memory_format=torch.contiguous_format)
        yield Sample(make(2, 2, 2, 2), torch.float64, memory_format=torch.channels_last)
        yield Sample(make(3), torch.complex128)
        yield Sample(make.complex(3), torch.complex64)
        yield Sample(make.complex(3), torch.complex128)
        yield Sample(make(3), torch.int64)
        yield Sample(make.integers(3), torch.float64)
        yield Sample(make(), torch.float32)
        yield Sample(make(0, 3), torch.float32)


def _named(target: tuple[Any, ...]) -> dict[str, Any]:
    """The positional arguments by name, which the type of the first one decides."""
    names = ["non_blocking", "copy"]
    if isinstance(target[0], torch.dtype):
        names = ["dtype", *names]
    elif hasattr(target[0], "dtype"):
        names = ["other", *names]
    else:
        names = ["device", "dtype", *names]
    if len(target) > len(names):
        raise ArgumentError(
            f"to() takes at most {len(names)} positional arguments like these, got {len(target)}",
            where="a call of to",
            fix=f"they are ({', '.join(names)}) here; memory_format= goes by name",
        )
    return dict(zip(names, target, strict=False))


def _format(x: Tensor) -> torch.memory_format:
    """The memory format of x: contiguous wherever it is none of the others, as in torch."""
    if not x.is_contiguous():
        for other in (torch.channels_last, torch.channels_last_3d):
            if x.is_contiguous(memory_format=other):
                return other
    return torch.contiguous_format


def _same_place(here: torch.device, there: torch.device) -> bool:
    """Whether the devices are the same; one without a number is the current of its type."""
    if here == there or here.type != there.type or there.index is not None:
        return here == there
    return here.index == torch.get_device_module(there).current_device()

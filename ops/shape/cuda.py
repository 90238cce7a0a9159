"""cuda: a copy in a GPU's memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op("cuda", methods=("cuda",), reference=torch.Tensor.to, linear=True, view=True)
class Cuda(Composite):
    """y = x on a GPU, the current one unless device says which;  gx = gy on x's device.

    Where x is there already, y is x itself. Unlike torch's, it takes any device, so that
    its samples run where there is no GPU.
    """

    @staticmethod
    def forward(
        x: Tensor,
        device: torch.device | str | int | None = None,
        non_blocking: bool = False,
        *,
        memory_format: torch.memory_format = torch.preserve_format,
    ) -> Tensor:
        target = "cuda" if device is None else device
        return x.to(target, None, non_blocking, memory_format=memory_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make.device)
        yield Sample(make(2, 3).t(), device=make.device, memory_format=torch.contiguous_format)
        yield Sample(make.complex(3), device=make.device, non_blocking=True)

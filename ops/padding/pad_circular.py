"""pad_circular: a tensor continued by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops.padding._sizes import sizes


@op("pad_circular", overrides=(torch.ops.aten._pad_circular.default,))
class PadCircular(Composite):
    """y = x with its end before it, and its beginning after it.

    pad has two sizes for each dimension but the first two, the last dimension first; a negative
    one cuts off.
    """

    @staticmethod
    def forward(x: Tensor, pad: Sequence[int]) -> Tensor:
        pad = sizes(pad)
        torch.ops.aten._pad_circular.default(torch.empty(x.shape, device="meta"), pad)  # may raise
        for i in range(len(pad) // 2):
            x = _continued(x, -1 - i, pad[2 * i], pad[2 * i + 1])
        return x

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(1, 2, 3), [1, 2])
        yield Sample(make(1, 2, 3), [3, 0])
        yield Sample(make(1, 1, 3, 2), (0, 1, 2, 3))
        yield Sample(make(1, 1, 3, 2), pad=[2, 0, -1, 1])
        yield Sample(make(1, 1, 4), [-1, -2])
        yield Sample(make(1, 1, 2, 2, 2), [1, 1, 0, 1, 1, 0])
        yield Sample(make.complex(1, 1, 3), [1, 1])
        yield Sample(make(0, 1, 3), [1, 1])
        yield Sample(make(1, 1, 2), [0, 0])
        yield Sample(make(1, 1, 2), [3, 0]).raises(RuntimeError, "wrapping around more than once")


def _continued(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    cut_before, cut_after = max(-before, 0), max(-after, 0)
    core = x.narrow(dim, cut_before, x.shape[dim] - cut_before - cut_after)
    size, parts = core.shape[dim], [core]
    if before > 0:
        parts.insert(0, core.narrow(dim, size - before, before))
    if after > 0:
        parts.append(core.narrow(dim, 0, after))
    return torch.cat(parts, dim)

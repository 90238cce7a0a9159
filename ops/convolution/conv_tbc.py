"""conv_tbc: conv1d of a sequence whose first dimension is time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


@op(
    "conv_tbc",
    overrides=(torch.conv_tbc, torch.ops.aten.conv_tbc.default),
    waives={"sizes": "torch's convolutions refuse a weight without elements"},
)
class ConvTbc(Composite):
    """y[t] = bias + the sum of x[t + k - pad] weight[k] over k;  the gradients are conv1d's.

    x is (time, batch, channels), weight (k, channels, channels of y), and bias (channels of y).
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
        y = torch.conv1d(x.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
        # As torch's: no view, so that what is registered on its grad_fn outlives a change in place.
        return y.permute(2, 0, 1).clone(memory_format=torch.contiguous_format)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(5, 2, 3), make(3, 3, 4), make(4))
        yield Sample(make(4, 1, 2), make(2, 2, 3), make(3), 1)
        yield Sample(make(3, 2, 1), make(1, 1, 1), make(1), pad=2)
        yield Sample(make(5, 2, 3), make(3, 3, 4), make(4)).constant(1)
        yield Sample(make(5, 2), make(3, 3, 4), make(4)).raises(RuntimeError, "number of dim")

"""opcheck: a custom op whose fake kernel gives another shape."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad import Sample


@torch.library.custom_op("plugrad_controls::opcheck", mutates_args=())
def function(x: Tensor) -> Tensor:
    """y = 2x;  gx = 2 gy."""
    return 2 * x


@function.register_fake
def _fake(x):
    return x.new_empty(x.numel() + 1)


function.register_autograd(lambda ctx, gy: 2 * gy)


def samples(make):
    """A row of numbers."""
    return [Sample(make(3))]


Wrong = function
TOLD = {"samples": samples}
ALSO = {"meta": "on meta tensors the fake kernel runs"}
MESSAGE = r"test_faketensor of torch.library.opcheck fails"

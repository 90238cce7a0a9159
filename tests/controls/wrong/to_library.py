"""to-library: an op whose annotations promise two tensors, where it returns one."""

from __future__ import annotations

from torch import Tensor

from plugrad import Context, Function, Sample, op
from plugrad.core.installed_torch import torch_before


@op("control::to_library")
class Wrong(Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> tuple[Tensor, Tensor]:
        return 2 * x

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3, 4))
        yield Sample(make(0))
        yield Sample(make.complex(2))


MESSAGE = (
    r"what it returns is not what its annotations say"
    if torch_before("2.14")
    else r"test_schema of torch\.library\.opcheck fails"
)

"""strided: a view of a tensor's memory by strides, counted from its first element."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.shape._strided import Layout, strided


@op(
    "strided",
    overrides=(strided,),
    linear=True,
    view=True,
    waives={
        "layouts": "it is about memory: laid out in another way, that is another tensor",
        "sizes": "a smaller tensor has less memory than the strides reach",
    },
)
class Strided(Function):
    """y[i, ..] = x's memory at offset + i stride[0] + .., a view;  gx = zeros with gy added there.

    It is refused where y has memory that is not x's, or x is expanded: torch loses a gradient.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, size: Sequence[int], stride: Sequence[int], offset: int = 0
    ) -> Tensor:
        y = strided(x, size, stride, offset)
        ctx.layout = Layout.of(x, size, stride, offset)
        if any(ctx.needs_input_grad):
            ctx.layout.check("as_strided")
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        layout = ctx.layout
        memory = gy.new_zeros(layout.length).index_add(0, layout.places(), gy.reshape(-1))
        if not layout.contiguous:
            memory = memory.index_select(0, layout.own())
        return memory.reshape(layout.shape)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 3), (2, 2), (1, 2), 1)
        yield Sample(make(3, 3), [2, 2], [3, 1])
        yield Sample(make(16), (2, 2, 3), (1, 1, 4), offset=2)
        yield Sample(make(2, 3).t(), (2,), (3,), 2)
        yield Sample(make(4), (3, 2), (1, 0), 1)
        yield Sample(make(4), (), (), 3)
        yield Sample(make.complex(4), (2,), (2,))
        yield Sample(make(4), (0, 2), (1, 1))
        yield Sample(make(0, 3), (0,), (1,))

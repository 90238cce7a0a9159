"""pow_log: a power times a power of its logarithm."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.elementwise._pow_log import base_slope, pow_log


@op(
    "pow_log",
    overrides=(pow_log,),
    broadcasts=True,
    elementwise=True,
    waives={"no-nan": "at an infinite x or y a product of 0 and inf is left, as in pow"},
)
class PowLog(Function):
    """z = x^y log(x)^n;  gx = gz conj(x^(y-1) log(x)^(n-1) (y log(x) + n)).

    gy = gz conj(x^y log(x)^(n+1)). At x = 0 all three are limits from above: 0 or infinite.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, n: int) -> Tensor:
        ctx.n = int(n)
        ctx.save_for_backward(x, y)
        return pow_log(x, y, n)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy, _ = ctx.needs_input_grad
        gx = gz * conj(base_slope(x, y, ctx.n)) if need_gx else None
        gy = gz * conj(pow_log(x, y, ctx.n + 1)) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        reason = "torch differentiates forward's own steps, and is nan at x = 0"
        for n in (0, 1, 2):
            yield Sample(make(3, low=0.3), make(3), n)
            yield Sample(make(3, 1, low=0.3), make(2, 1, 4), n)
            at_zero = make.tensor([0.0, 0.0, 2.0]), make.tensor([3.0, 4.5, 0.0])
            if n == 0:
                sample = Sample(*at_zero, n)
                yield sample.waive("second-order", reason).waive("third-order", reason)
            else:
                yield Sample(*at_zero, n).without_oracle(reason)
            yield Sample(make(2, low=0.3), make.complex(2), n)
        yield Sample(make(3, low=0.3), make(3), 1).constant(0)
        yield Sample(make(3, low=0.3), make(3), 1).constant(1)
        yield Sample(make(0, 3), make(3), 1)
        yield Sample(make(low=0.3), make(), 1)

"""absorbing_mul: a product in which 0 outweighs inf."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.elementwise._absorbing import absorbing_mul


@op("absorbing_mul", overrides=(absorbing_mul,), broadcasts=True, elementwise=True)
class AbsorbingMul(Function):
    """z = x y, but 0 where x = 0;  gx = gz conj(y), gy = gz conj(x), but 0 where gz = 0.

    With ``gradient_only``, z is the plain product.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, gradient_only: bool = False) -> Tensor:
        ctx.save_for_backward(x, y)
        return absorbing_mul(x, y, gradient_only)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_gx, need_gy, _ = ctx.needs_input_grad
        gx = absorbing_mul(gz, conj(y)) if need_gx else None
        gy = absorbing_mul(gz, conj(x)) if need_gy else None
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        reason = "where x = 0 torch differentiates the constant that forward has there"
        yield Sample(make.nonzero(3, 4), make.nonzero(3, 4))
        yield Sample(make.nonzero(3, 1), make(2, 1, 4))
        yield Sample(make.nonzero(3), make(3)).constant(0)
        yield Sample(make.nonzero(3), make(3)).constant(1)
        yield Sample(make.complex(3), make.complex(3))
        yield Sample(make.complex(3), make.nonzero(3))
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([-3.0, 0.0])).without_oracle(reason)
        infinite = make.tensor([float("inf"), 1.5])
        yield Sample(make.tensor([0.0, 2.0]), infinite).without_oracle(reason)
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([-3.0, 0.0]), True)
        yield Sample(make.tensor([0.0, 2.0]), infinite, gradient_only=True)
        yield Sample(make(), make.nonzero(2))
        yield Sample(make(0, 3), make(3))

"""nn.functional.rms_norm: the last dimensions with a mean square of 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "nn.functional.rms_norm",
    overrides=(
        torch.nn.functional.rms_norm,
        torch.rms_norm,
        torch.ops.aten.rms_norm.default,
    ),
    promotes=True,
)
class RmsNorm(Function):
    """y = x r weight, with r = 1 / sqrt(mean(x^2) + eps), over the last dimensions.

    Those of normalized_shape, which is also the shape of weight. With h = gy conj(weight):
    gx = conj(r) h - conj(x r^3) mean(h conj(x)),  gweight = sum(gy conj(x r)). r is not kept,
    but computed again. Without eps it is the dtype's, and float32's for narrower ones.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        normalized_shape: Sequence[int],
        weight: Tensor | None = None,
        eps: float | None = None,
    ) -> Tensor:
        y: Tensor = torch.rms_norm(x, normalized_shape, weight, eps)
        ctx.save_for_backward(x, weight)
        ctx.dims = tuple(range(-len(normalized_shape), 0))
        ctx.eps = torch.finfo(_wide(x.dtype)).eps if eps is None else float(eps)
        return y

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        need_gx, _, need_gweight, *_ = ctx.needs_input_grad
        x, gy = x.to(_wide(x.dtype)), gy.to(_wide(gy.dtype))
        r = (x.square().mean(ctx.dims, True) + ctx.eps).rsqrt()
        xhat = conj(x * r)
        gx = gweight = None
        if need_gx:
            h = gy if weight is None else gy * conj(weight)
            gx = conj(r) * (h - xhat * (h * xhat).mean(ctx.dims, True))
        if need_gweight:
            gweight = (gy * xhat).sum_to_size(weight.shape)
        return gx, None, gweight

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), [4], make(4))
        yield Sample(make(2, 3, 4), (3, 4), make(3, 4), 0.1)
        yield Sample(make(2, 3, 4), [4])
        yield Sample(make(3, 4), [4], weight=make(4), eps=0.5)
        yield Sample(make(4), normalized_shape=[4])
        yield Sample(make(3, 4), [4], make(4)).constant(0)
        yield Sample(make(3, 4), [4], make(4)).constant(2)
        yield Sample(make.complex(3, 4), [4], make.complex(4), 0.5)
        yield Sample(make(0, 3), [3], make(3))
        yield Sample(make(2, 3), [3], make.tensor([0.0, 2.0, 0.0]))
        yield Sample(make.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 2.0]]), [3], None, 0.5)
        yield Sample(make(2, 3), [2]).raises(RuntimeError, "normalized_shape")


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype

"""weight_norm_interface_backward: weight_norm's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops.normalization._weight import SHAPE_SAYS, check_norms, sum_over


def _reference(x: Tensor, v: Tensor, g: Tensor, n: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    check_norms(v, g, dim, x)
    others = [d for d in range(v.dim()) if d != dim]
    s = sum_over(x * v, others)
    return g / n * (x - v * s / n**2), s / n


@op(
    "weight_norm_interface_backward",
    overrides=(
        torch.ops.aten._weight_norm_interface_backward.default,
        torch.ops.aten._weight_norm_interface_backward,
    ),
    reference=_reference,
    aliases={"grad_w": "x", "saved_v": "v", "saved_g": "g", "saved_norms": "n"},
    equivalent={"other-dim[dim]": SHAPE_SAYS},
    dtypes=(torch.float64, torch.float32),
    waives={"meta": "torch had no such kernel"} if torch_before("2.13") else {},
)
class WeightNormInterfaceBackward(Function):
    """zv = g / n (x - v s / n^2), zg = s / n,  with s = sum(x v) over all dimensions but dim.

    With the cotangents a and c, t = sum(a v) and q = c / n - g t / n^3, the gradient of s:
    gx = g / n a + q v,  gv = q x - g s / n^3 a,  gg = (sum(a x) - t s / n^2) / n, and
    gn = -g gg / n + 2 g t s / n^4 - c s / n^2. n is an argument like others here.
    """

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, v: Tensor, g: Tensor, n: Tensor, dim: int
    ) -> tuple[Tensor, Tensor]:
        check_norms(v, g, dim, x)
        ctx.save_for_backward(x, v, g, n)
        ctx.dim = int(dim)
        return _backward(x.contiguous(), v.contiguous(), g.contiguous(), n.contiguous(), dim)

    @staticmethod
    def backward(ctx: Context, a: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        x, v, g, n = ctx.saved_tensors
        others = [d for d in range(v.dim()) if d != ctx.dim]
        s, t, ax = [sum_over(p * q, others) for p, q in ((x, v), (a, v), (a, x))]
        r, s, t = g / n, s / n, t / n  # not their powers, which overflow
        gs = (c - r * t) / n
        gx = r * a + gs * v
        gv = gs * x - r * (s / n) * a
        gg = (ax - t * s) / n
        gn = -r * gg + (2 * r * t - c) * s / n
        return gx, gv, gg, gn

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 4), make(3, 1), make.nonzero(3, 1), 0)
        yield Sample(make(3, 4), make(3, 4), make(1, 4), make.nonzero(1, 4), 1)
        yield Sample(make(3, 2, 2), make(3, 2, 2), make(1, 1, 2), make.nonzero(1, 1, 2), dim=2)
        yield Sample(make(3), make(3), make(3), make.nonzero(3), 0)
        x, v = make.tensor([[0.0, 2.0], [1.0, 0.0]]), make.tensor([[0.0, 1.0], [3.0, 0.0]])
        yield Sample(x, v, make.tensor([[0.0], [2.0]]), make.tensor([[1.5], [1.5]]), 0)


_backward = torch.ops.aten._weight_norm_interface_backward.default

"""trilinear: products of three tensors, summed; what bilinear is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op


@op(
    "trilinear",
    overrides=(torch.ops.aten._trilinear.default, torch.ops.aten._trilinear),
    broadcasts=True,
)
class Trilinear(Function):
    """z = the sum over sumdim of i1 i2 i3, each with its new dimensions of size 1 (expand1, ...).

    gi1 = the sum over expand1 of gz conj(i2) conj(i3), where gz gets the dimensions sumdim, and
    in the same way gi2 and gi3: each is such a sum again.
    """

    @staticmethod
    def forward(
        ctx: Context,
        i1: Tensor,
        i2: Tensor,
        i3: Tensor,
        expand1: Sequence[int],
        expand2: Sequence[int],
        expand3: Sequence[int],
        sumdim: Sequence[int],
        unroll_dim: int = 1,
    ) -> Tensor:
        n1, n2, n3 = ctx.needs_input_grad[:3]
        ctx.save_for_backward(
            i1 if n2 or n3 else None, i2 if n1 or n3 else None, i3 if n1 or n2 else None
        )
        dims = expand1, expand2, expand3, sumdim
        ctx.dims = [tuple(d) for d in dims]
        ctx.shapes = [tuple(t.shape) for t in (i1, i2, i3)]
        return _trilinear(i1, i2, i3, *dims, unroll_dim)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        i1, i2, i3 = [None if t is None else conj(t) for t in ctx.saved_tensors]
        e1, e2, e3, summed = ctx.dims
        n1, n2, n3 = ctx.needs_input_grad[:3]
        g1 = _trilinear(gz, i2, i3, summed, e2, e3, e1) if n1 else None
        g2 = _trilinear(i1, gz, i3, e1, summed, e3, e2) if n2 else None
        g3 = _trilinear(i1, i2, gz, e1, e2, summed, e3) if n3 else None
        three = zip((g1, g2, g3), ctx.shapes, strict=True)
        return tuple([None if g is None else _expanded(g, shape) for g, shape in three])

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        bilinear = (1, 3), (0,), (1, 2), (2, 3)  # (n, i), (o, i, j), (n, j) to (n, o)
        for constants in ((), (0,), (1,), (2,), (0, 1)):
            sample = Sample(make(2, 3), make(4, 3, 2), make(2, 2), *bilinear)
            yield sample.constant(*constants)
        yield Sample(make(2, 3), make(4, 3, 2), make(2, 2), *bilinear, unroll_dim=2)
        yield Sample(make(1, 3), make(4, 1, 2), make(2, 1), *bilinear)
        x = make.tensor([[0.0, 2.0], [1.0, 0.0]])
        yield Sample(x, make.tensor([[[0.0, 1.0], [2.0, 0.0]]]), x.clone(), *bilinear)


_trilinear = torch.ops.aten._trilinear.default


def _expanded(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The gradient of an operand larger than the others; that of a smaller one the engine sums."""
    sizes = [s if n == 1 else n for n, s in zip(g.shape, shape, strict=True)]
    return g.expand(sizes)

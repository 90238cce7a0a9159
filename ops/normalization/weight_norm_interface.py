"""weight_norm_interface: weight_norm with the norms that it computed, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op
from plugrad.ops.normalization._normalized import COMPUTED_AGAIN
from plugrad.ops.normalization._weight import SHAPE_SAYS, check_norms, norms


def _reference(v: Tensor, g: Tensor, dim: int = 0) -> tuple[Tensor, Tensor]:
    check_norms(v, g, dim)
    return torch._weight_norm_interface(v, g, dim)


@op(
    "weight_norm_interface",
    overrides=(
        torch.ops.aten._weight_norm_interface.default,
        torch._weight_norm_interface,
    ),
    reference=_reference,
    equivalent={"other-dim[dim]": SHAPE_SAYS, "option-ignored[dim]": SHAPE_SAYS},
    waives={
        "hidden-intermediate": COMPUTED_AGAIN,
        "second-order": "torch takes n for a constant, and fails its own gradgradcheck",
    },
)
class WeightNormInterface(Function):
    """w = g v / n, with the norm n of v over all dimensions but dim;  also n.

    gv = g / n (gw - v sum(gw v) / n^2), gg = sum(gw v) / n. n has no gradient (nor does it
    in torch). dim is the first dimension or the last.
    """

    @staticmethod
    def forward(ctx: Context, v: Tensor, g: Tensor, dim: int = 0) -> tuple[Tensor, Tensor]:
        check_norms(v, g, dim)
        w, n = _weight_norm_interface(v.contiguous(), g.contiguous(), dim)
        ctx.save_for_backward(v, g, n)
        ctx.mark_non_differentiable(n)
        ctx.dim = int(dim)
        return w, n

    @staticmethod
    def backward(ctx: Context, gw: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        v, g, n = ctx.saved_tensors
        again = norms(v, ctx.dim, n) if isinstance(v, Variable) else n
        return _backward(gw.contiguous(), v.contiguous(), g.contiguous(), again, ctx.dim)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), make(3, 1))
        yield Sample(make(3, 4), make(1, 4), 1)
        yield Sample(make(3, 2, 2), make(3, 1, 1), dim=0)
        yield Sample(make(3, 2, 2), make(1, 1, 2), dim=2)
        yield Sample(make(3, 4), make(3, 1)).constant(0)
        yield Sample(make(3, 4), make(3, 1)).constant(1)
        yield Sample(make.tensor([[0.0, 2.0], [1.0, 0.0]]), make.tensor([[0.0], [2.0]]))


_weight_norm_interface = torch.ops.aten._weight_norm_interface.default
_backward = torch.ops.aten._weight_norm_interface_backward.default

"""nn.functional.dropout: zeros at random, the rest scaled up."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op


@op(
    "nn.functional.dropout",
    overrides=(torch.nn.functional.dropout, torch.dropout, torch.ops.aten.dropout.default),
    aliases={"train": "training"},
    random=True,
    view=True,
    inplace=("dropout_",),
    waives={"lines": "on a CUDA tensor, and only there, it runs CUDA's own kernel"},
    equivalent={"option-ignored[training]": "not in training x itself is returned, with no rule"},
)
class Dropout(Function):
    """y = x mask / (1 - p), mask being 0 with probability p, else 1;  gx = gy mask / (1 - p).

    Not in training, and with p = 0, y is x itself; with p = 1 it is all zeros. Random
    numbers are drawn as torch draws them.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
        if not 0 <= p <= 1:
            torch.nn.functional.dropout(x, p)  # raises
        if p == 0 or not training or x.numel() == 0:
            return x
        if x.is_cuda and p < 1:
            y, mask = torch.native_dropout(x, p, True)
            ctx.save_for_backward(mask)
            ctx.scale = 1 / (1 - p)
            return y
        ctx.scale = None
        factor = x.new_zeros(()) if p == 1 else _kept(x, p)
        ctx.save_for_backward(factor)
        ctx.mark_non_differentiable(factor)
        return x * factor

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        if not ctx.saved_tensors:
            return gy
        (factor,) = ctx.saved_tensors
        if ctx.scale is None:
            return gy * factor
        return _native_dropout_backward(gy, factor, ctx.scale)

    @staticmethod
    def overwrite(x: Variable, p: float = 0.5, training: bool = True) -> None:
        """``dropout_(x)``; as in torch it has no kernel of its own, on CUDA neither."""
        if not 0 <= p <= 1:
            torch.nn.functional.dropout(x.data, p)  # raises
        if p and training and x.numel():
            factor = x.data.new_zeros(()) if p == 1 else _kept(x.data, p)
            x.mul_(factor)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(4, 5))
        yield Sample(make(4, 5), 0.2)
        yield Sample(make(4, 5), p=0.9, training=True)
        yield Sample(make(2, 3), 0.01)
        yield Sample(make(3), 0.5, False)
        yield Sample(make(3), 0.0)
        yield Sample(make(3), 1.0)
        yield Sample(make())
        yield Sample(make(0, 3))
        yield Sample(make(3), 1.5).raises(ValueError, "between 0 and 1")


def _kept(x: Tensor, p: float) -> Tensor:
    return torch.empty_like(x).bernoulli_(1 - p).div_(1 - p)


_native_dropout_backward = torch.ops.aten.native_dropout_backward.default

"""nn.functional.linear: an affine map of the last dimension."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops._narrowed import cast_by_autocast


@op(
    "nn.functional.linear",
    overrides=(torch.nn.functional.linear, torch.ops.aten.linear.default),
    broadcasts=True,
)
class Linear(Function):
    """z = x weight^T + bias;  gx = gz conj(weight), gweight = gz^T conj(x), gbias = gz.

    Sums over all dimensions but the last. A weight with one dimension is a single row,
    and the last dimension of z is dropped.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        need_gx, need_gweight, _ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_gweight else None, weight if need_gx else None)
        if need_gweight and x.dim() > 2 and not x.is_contiguous():
            x, weight, bias = cast_by_autocast(x, weight, bias)
            if not x.is_contiguous():  # of a slice the cast is
                return _folded(x, weight, bias)
        return _linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        # Not what was saved says it: plugrad.grad may want only one of them.
        need_gx, need_gweight, need_gbias = ctx.needs_input_grad
        if gz.dim() > 2:
            gz = gz.contiguous()  # once: else each product copies it, or multiplies one by one
        gx = _input_gradient(gz, weight) if need_gx else None
        gweight = _weight_gradient(gz, x) if need_gweight else None
        return gx, gweight, gz if need_gbias else None  # the engine sums it

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((3,), (2, 3), (2, 2, 3), (2, 1, 2, 3)):
            yield Sample(make(*shape), make(4, 3))
            yield Sample(make(*shape), make(4, 3), make(4))
            yield Sample(make(*shape), make(3))
            if len(shape) in (2, 3):
                yield Sample(make(*shape), make(4, 3), make(4)).constant(1)
                yield Sample(make(*shape), make(4, 3), make(4)).constant(0)
                yield Sample(make.complex(*shape), make.complex(4, 3), make.complex(4))
        yield Sample(make(3, 2, 2).mT, make(4, 2), make(4))
        yield Sample(make(3, 2, 2).mT, make(4, 2))
        yield Sample(make(3), make(3), make())
        yield Sample(make(2, 3), make(4, 3), bias=None)
        yield Sample(make(2, 3), make(4, 3), bias=make(4)).constant("bias")
        yield Sample(make(2, 3), make(4, 3), make(2, 4))
        yield Sample(make(2, 3), make(4, 3), make())
        yield Sample(make.complex(2, 3), make.complex(3))
        yield Sample(make(0, 3), make(4, 3), make(4))
        yield Sample(make(2, 0), make(4, 0), make(4))
        yield Sample(make(2, 0, 3), make(4, 3), make(4))
        yield Sample(make(2, 3), make(0, 3), make(0))
        yield Sample(make.tensor([0.0, 2.0]), make.tensor([-3.0, 0.0]))


_linear = torch.nn.functional.linear


def _folded(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # torch does so where weight needs a gradient, rather than expand it to the batch.
    z = _linear(x.flatten(0, -2), weight).view(x.shape[:-1] + weight.shape[:-1])
    return z if bias is None else z.add_(bias)


def _input_gradient(gz: Tensor, weight: Tensor) -> Tensor:
    if weight.dim() == 1:
        return gz.unsqueeze(-1) * conj(weight)
    return gz @ conj(weight)


def _weight_gradient(gz: Tensor, x: Tensor) -> Tensor:
    if x.dim() == 2 and gz.dim() == 2:
        return gz.mT @ conj(x)
    if x.dim() == 1:
        return gz.unsqueeze(-1) * conj(x) if gz.dim() == 1 else gz * conj(x)
    if gz.dim() < x.dim():
        return conj(x.flatten(0, -2)).mT @ gz.flatten()
    return gz.flatten(0, -2).mT @ conj(x.flatten(0, -2))

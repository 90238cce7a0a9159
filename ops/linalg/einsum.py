"""einsum: sums of products, written with a label for every dimension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._einsum import gradient_of
from plugrad.ops.linalg._equation import (
    labels_of,
    operands_of,
    takes_list,
)


@op("einsum", overrides=(torch.einsum,), broadcasts=True, view=True)
class Einsum(Function):
    """z[out] = sum over the other labels of x1[labels1] x2[labels2] ...

    gxk[labelsk] = the same sum with gz[out] in place of xk and the others conjugated. A
    label that only xk has was summed over: its gradient is the same all along it. A
    label that xk repeats took the diagonal: its gradient is zero off it.

    Called as einsum("ij,jk->ik", x, y), einsum("ij,jk", [x, y]) or
    einsum(x, [0, 1], y, [1, 2], [0, 2]).
    """

    @staticmethod
    def forward(ctx: Context, *args: Any) -> Tensor:
        z = torch.einsum(*args)
        operands = operands_of(args)
        needs = _needs(ctx.needs_input_grad, args)
        if any(needs):
            ctx.terms, ctx.output = labels_of(args, [x.dim() for x in operands])
            ctx.shapes = [x.shape for x in operands]
            ctx.needs = needs
            ctx.in_list, ctx.numbered = takes_list(args), not isinstance(args[0], str)
            only = needs.index(True) if sum(needs) == 1 else None  # whose value no one needs
            ctx.save_for_backward(*[None if k == only else x for k, x in enumerate(operands)])
        return z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Any, ...]:
        operands = ctx.saved_tensors
        gradients = [
            gradient_of(gz, k, operands, ctx) if need else None for k, need in enumerate(ctx.needs)
        ]
        if ctx.in_list:
            return None, gradients
        if ctx.numbered:
            return tuple(g for gradient in gradients for g in (gradient, None))
        return None, *gradients

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample("ij,jk->ik", make(2, 3), make(3, 4))
        yield Sample("ij,jk", make.complex(2, 3), make.complex(3, 4))
        yield Sample(" bA , bc ", [make(2, 3), make(2, 4)])
        yield Sample("ij->ji", (make(2, 3),))
        yield Sample("ij->", make(2, 3))
        yield Sample("ij,j->i", make(2, 3), make(3)).constant(1)
        yield Sample("ij,j->i", make(2, 3), make(3)).constant(2)
        yield Sample("ij,kl->jl", make(2, 3), make(2, 2))
        yield Sample("i,i,i->", make(3), make(3), make(3))
        yield Sample("ij,jk,kl->il", make(2, 3), make(3, 2), make(2, 4))
        yield Sample("ij,jk,kl,lm->im", make(2, 2), make(2, 3), make(3, 2), make.complex(2, 2).real)
        yield Sample("bi,ijk,bk->bj", make.complex(2, 2), make.complex(2, 3, 2), make.complex(2, 2))
        yield Sample("ii->i", make(3, 3))
        yield Sample("ii", make.complex(3, 3))
        yield Sample("iij,jk->ki", make(2, 2, 3), make(3, 2))
        yield Sample("iii,i->i", make(2, 2, 2), make(2))
        yield Sample("...ij,...jk->...ik", make(2, 1, 2, 3), make(4, 3, 1))
        yield Sample("i...,i...", make(3, 2), make(3, 1))
        yield Sample("i...j->j", make(2, 3, 2))
        yield Sample("...,...", make(3), make(2, 3))
        yield Sample("ij,jk->ik", make(2, 1), make(3, 2))
        yield Sample("ij,ij->j", make(1, 3), make(2, 3))
        yield Sample("ij,->ij", make(2, 3), make())
        yield Sample("i,j->ij", make(2), make.complex(3))
        yield Sample("i,j->ij", make(2), make.integers(3))
        yield Sample(make(2, 3), [0, 1], make(3, 2), [1, 2], [0, 2])
        yield Sample(make(2, 2, 3), [..., 1], make(3), [1], [...])
        yield Sample(make(2, 2), [0, 0], make(2), [30])
        yield Sample("ij,jk->ik", make(2, 0), make(0, 3))
        yield Sample("ij,jk->ik", make(0, 2), make(2, 3))
        yield Sample("i,i->", make.tensor([0.0, 2.0]), make.tensor([-3.0, 0.0]))


def _needs(flags: Sequence[Any], args: Sequence[Any]) -> list[bool]:
    """For every operand, whether it needs a gradient."""
    if not takes_list(args):
        return list(operands_of([args[0], *flags[1:]] if isinstance(args[0], str) else flags))
    return list(flags[1]) if flags[1] else []

"""The gradients of scatter_reduce, by what it reduces with."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, conj


def _sum(ctx: Context, gz: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    return gz, gz.gather(ctx.dim, index)


def _mean(ctx: Context, gz: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    counts = torch.full(gz.shape, int(ctx.include_self), device=index.device)
    share = gz / counts.scatter_add(ctx.dim, index, torch.ones_like(index)).clamp(min=1)
    return share, share.gather(ctx.dim, index)


def _prod(
    ctx: Context, gz: Tensor, index: Tensor, x: Tensor, src: Tensor, z: Tensor
) -> tuple[Tensor, Tensor]:
    dim, kept = ctx.dim, ctx.include_self

    def product(x: Tensor, src: Tensor) -> Tensor:
        return x.scatter_reduce(dim, index, src, "prod", include_self=kept)

    whole = x.masked_fill(x == 0, 1)
    gx = gz * conj(product(whole, src) / whole)
    zero = src == 0
    gsrc = (gz * conj(z)).gather(dim, index) / conj(src.masked_fill(zero, 1))
    numbers = torch.arange(index.numel(), device=index.device).reshape(index.shape)
    while zero.any():  # one zero of each place after the other: what the product is without it
        last = torch.full(gz.shape, -1, device=index.device)
        last = last.scatter_reduce(dim, index, torch.where(zero, numbers, -1), "amax")
        one = zero.logical_and(last.gather(dim, index) == numbers)
        others = gz * conj(product(x, src.masked_fill(one, 1)))
        gsrc = torch.where(one, others.gather(dim, index), gsrc)
        zero = zero.logical_and(one.logical_not())
    return gx, gsrc


def _extremum(
    ctx: Context, gz: Tensor, index: Tensor, x: Tensor, src: Tensor, z: Tensor
) -> tuple[Tensor, Tensor]:
    dim = ctx.dim
    mine, theirs = (x == z).to(torch.int64), (src == z.gather(dim, index)).to(torch.int64)
    if not ctx.include_self:
        mine = mine.scatter(dim, index, 0)
    share = gz / mine.scatter_add(dim, index, theirs).clamp(min=1)
    return share * mine, share.gather(dim, index) * theirs


RULES: dict[str, Any] = {
    "sum": _sum, "mean": _mean, "prod": _prod, "amax": _extremum, "amin": _extremum,
}  # fmt: skip

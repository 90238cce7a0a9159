"""sparse_mm_reduce_impl: a product whose sums over a sparse row may be means or extrema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.sparse._elements import elements, like, places

_KERNEL = torch.ops.aten._sparse_mm_reduce_impl.default


def _reference(x: Tensor, y: Tensor, how: str) -> Any:
    """The same of all products, which torch differentiates."""
    _, places_ = _KERNEL(x.detach(), y.detach(), how)
    rows, columns = places(x)
    products = x.values().unsqueeze(-1) * y[columns]
    z = torch.stack([_reduced(products[rows == i], how) for i in range(x.shape[0])])
    return z, places_


def _reduced(products: Tensor, how: str) -> Tensor:
    if how in ("sum", "mean") or not products.shape[0]:
        return products.sum(0) / (max(products.shape[0], 1) if how == "mean" else 1)
    return products.max(0).values if how == "amax" else products.min(0).values


@op(
    "sparse_mm_reduce_impl",
    overrides=(_KERNEL,),
    reference=_reference,
    aliases={"reduce": "how"},
)
class SparseMmReduceImpl(Function):
    """z[i, k] = sum, mean, amax or amin of x[i, j] y[j, k] over the elements of row i (CSR).

    Of each element (i, j): gx = sum over k of w gz[i, k] y[j, k]^*, gy[j, k] += x^* w gz[i, k],
    where w is 1, of a mean 1 / the count of row i, and of an extremum whether it is the first
    element that has it. torch has no second derivative.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, y: Tensor, how: str) -> Any:
        found = z, places_ = _KERNEL(x, y, how)  # which are empty where torch records nothing
        ctx.mark_non_differentiable(places_)
        extreme = how in ("amax", "amin") and any(ctx.needs_input_grad)
        ctx.save_for_backward(x, y, _chosen(x, y, z) if extreme else None)
        ctx.how = how
        return found

    @staticmethod
    def backward(ctx: Context, gz: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        x, y, chosen = ctx.saved_tensors
        need_gx, need_gy = ctx.needs_input_grad[:2]
        rows, columns = places(x)
        arrived = gz[rows]  # a row an element
        own_y, own_x = conj(y)[columns], conj(elements(x)).unsqueeze(-1)
        if ctx.how == "mean":
            counts = x.detach().crow_indices().diff().clamp(min=1)
            arrived = arrived / counts[rows].unsqueeze(-1)
        elif ctx.how != "sum":
            own = torch.arange(rows.shape[0], device=rows.device).unsqueeze(-1)
            is_own = chosen[rows] == own
            arrived = torch.where(is_own, arrived, 0.0)
            own_y, own_x = torch.where(is_own, own_y, 0.0), torch.where(is_own, own_x, 0.0)
        gx = gy = None
        if need_gx:
            gx = like((arrived * own_y).sum(-1), x)
        if need_gy:
            gy = torch.zeros_like(y).index_add(0, columns, arrived * own_x)
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        sparse = make.tensor([[0.0, 2.0, 1.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).to_sparse_csr()
        for how in ("sum", "mean", "amax", "amin"):
            yield Sample(sparse, make(3, 2), how)
        yield Sample(sparse, make(3, 2), "sum").constant(1)
        yield Sample(sparse, make.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 3.0]]), "sum")
        yield Sample(sparse, make(3, 2), "prod").raises(RuntimeError, "reduce")


def _chosen(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """The number of the first element of each row whose product is the extremum."""
    rows, columns = places(x)
    products = elements(x).unsqueeze(-1) * y[columns]
    own = torch.arange(rows.shape[0], device=rows.device).unsqueeze(-1)
    found = (products == z[rows]) | products.isnan()
    own = torch.where(found, own, rows.shape[0])
    none = own.new_full(z.shape, rows.shape[0])
    return none.scatter_reduce(0, rows.unsqueeze(-1).expand_as(own), own, "amin")

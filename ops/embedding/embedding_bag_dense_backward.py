"""embedding_bag_dense_backward: embedding_bag's gradient of the table, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops.embedding._bags import (
    FLOATING,
    MAX,
    MEAN,
    by_frequency,
    check_bags,
    check_sizes,
    packed,
    rows,
    summed,
    without_padding,
)
from plugrad.ops.embedding._dense_gradient import dense_gradient


@op(
    "embedding_bag_dense_backward",
    overrides=(
        torch.ops.aten._embedding_bag_dense_backward.default,
        torch.ops.aten._embedding_bag_dense_backward,
    ),
    reference=dense_gradient,
    aliases={
        "grad": "x",
        "offset2bag": "bag",
        "bag_size": "sizes",
        "maximum_indices": "places",
    },
    dtypes=FLOATING,
    waives={"primitive": "torch divides by the counts of other indices"}
    if torch_before("2.14")
    else {},
)
class EmbeddingBagDenseBackward(Function):
    """z[indices[i]] += w[i] x[bag[i]], for a mean / sizes[bag[i]];  for a maximum at places.

    gx[b] = the sum of w[i] gz[indices[i]] over the bag, divided likewise, and
    gw[i] = sum(x[bag[i]] gz[indices[i]]). Indices of padding_idx do not count, and with
    scale_grad_by_freq each is divided by how often it was named.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        indices: Tensor,
        bag: Tensor,
        sizes: Tensor,
        places: Tensor,
        num_weights: int,
        scale_grad_by_freq: bool,
        mode: int,
        per_sample_weights: Tensor | None,
        padding_idx: int = -1,
    ) -> Tensor:
        check_bags(x, indices, bag, per_sample_weights)
        check_sizes(x, sizes, places if mode == MAX else None)
        w, need_w = per_sample_weights, any(ctx.needs_input_grad[8:9])
        ctx.save_for_backward(x if need_w else None, indices, bag, sizes, places, w)
        ctx.count, ctx.by_freq, ctx.mode = x.shape[0], bool(scale_grad_by_freq), int(mode)
        ctx.padding_idx = int(padding_idx)
        five = packed(x, indices, bag, sizes, places)
        z = _backward(*five, num_weights, False, mode, *packed(w), padding_idx)
        return by_frequency(z, indices) if scale_grad_by_freq else z

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
        x, indices, bag, sizes, places, w = ctx.saved_tensors
        if ctx.mode == MAX:
            places = places.clamp_min(0)  # CUDA's kernel has -1 for a bag without elements
            return (gz.gather(0, places).masked_fill((sizes == 0).unsqueeze(1), 0),) + (None,) * 8
        named = rows(gz, indices, ctx.by_freq)
        gw = None if x is None else (named * x.index_select(0, bag.long())).sum(1)
        each = named if w is None else named * w.unsqueeze(1)
        gx = summed(without_padding(each, indices, ctx.padding_idx), bag, ctx.count)
        gw = None if gw is None else without_padding(gw, indices, ctx.padding_idx)
        if ctx.mode == MEAN:
            gx = gx / sizes.clamp(min=1).unsqueeze(1)
        return gx, None, None, None, None, None, None, None, gw

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        indices = make.tensor([1, 0, 3, 3, 2, 1, 3], dtype=torch.int64)
        bag = make.tensor([0, 0, 2, 2, 2, 3, 3], dtype=torch.int64)
        sizes = make.tensor([2, 0, 3, 2], dtype=torch.int64)
        places = make.tensor([[0, 1], [0, 0], [3, 2], [1, 3]], dtype=torch.int64)
        four = indices, bag, sizes, places
        for mode in (0, 1, 2):
            yield Sample(make(4, 2), *four, 5, False, mode, None)
        for mode in (0, 1):
            yield Sample(make(4, 2), *four, 5, True, mode, None, 3)
        for constant in ((), (0,), (8,)):
            yield Sample(make(4, 2), *four, 5, False, 0, make(7)).constant(*constant)
        yield Sample(make(4, 2), *four, 5, True, 0, make(7), padding_idx=3)
        x = make.tensor([[0.0, 2.0], [0.0, 0.0], [1.0, 0.0], [3.0, -1.0]])
        w = make.tensor([0.0, 1.0, 1.0, 0.0, 2.0, 0.0, 1.0])
        yield Sample(x, *four, 5, False, 0, w)


_backward = torch.ops.aten._embedding_bag_dense_backward.default

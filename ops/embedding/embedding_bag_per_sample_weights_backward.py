"""embedding_bag_per_sample_weights_backward: embedding_bag's gradient of the weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.embedding._bags import FLOATING, check_bags, packed, rows, summed, without_padding


def _reference(
    x: Tensor,
    y: Tensor,
    indices: Tensor,
    offsets: Tensor,  # noqa: ARG001 (they say what bag does)
    bag: Tensor,
    mode: int,  # noqa: ARG001 (it is 0)
    padding_idx: int = -1,
) -> Tensor:
    check_bags(x, indices, bag)
    return without_padding((x[bag] * rows(y, indices)).sum(1), indices, padding_idx)


@op(
    "embedding_bag_per_sample_weights_backward",
    overrides=(
        torch.ops.aten._embedding_bag_per_sample_weights_backward.default,
        torch.ops.aten._embedding_bag_per_sample_weights_backward,
    ),
    reference=_reference,
    aliases={"grad": "x", "weight": "y", "offset2bag": "bag"},
    dtypes=FLOATING,
)
class EmbeddingBagPerSampleWeightsBackward(Function):
    """z[i] = sum(x[bag[i]] y[indices[i]]), 0 for padding_idx.

    gx[b] = the sum of gz[i] y[indices[i]] over the bag, and gy = gz[i] x[bag[i]] added at
    indices.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        indices: Tensor,
        offsets: Tensor,
        bag: Tensor,
        mode: int,
        padding_idx: int = -1,
    ) -> Tensor:
        check_bags(x, indices, bag)
        need_x, need_y = ctx.needs_input_grad[:2]
        ctx.save_for_backward(x if need_y else None, y if need_x else None, indices, bag)
        ctx.bags, ctx.rows, ctx.padding_idx = x.shape[0], y.shape[0], int(padding_idx)
        five = packed(x, y, indices, offsets, bag)
        return _backward(*five, mode, padding_idx)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y, indices, bag = ctx.saved_tensors
        g = without_padding(gz, indices, ctx.padding_idx).unsqueeze(1)
        gx = None if y is None else summed(g * rows(y, indices), bag, ctx.bags)
        gy = None if x is None else summed(g * rows(x, bag), indices, ctx.rows)
        return gx, gy

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        indices = make.tensor([1, 0, 3, 3, 2, 1, 3], dtype=torch.int64)
        offsets = make.tensor([0, 2, 2, 5], dtype=torch.int64)
        bag = make.tensor([0, 0, 2, 2, 2, 3, 3], dtype=torch.int64)
        for constant in ((), (0,), (1,)):
            sample = Sample(make(4, 2), make(5, 2), indices, offsets, bag, 0)
            yield sample.constant(*constant)
        yield Sample(make(4, 2), make(5, 2), indices, offsets, bag, 0, padding_idx=3)
        x = make.tensor([[0.0, 2.0], [0.0, 0.0], [1.0, 0.0], [3.0, -1.0]])
        y = make.tensor([[0.0, 2.0], [0.0, 1.0], [1.0, 0.0], [1.0, -1.0]])
        yield Sample(x, y, indices, offsets, bag, 0)


_backward = torch.ops.aten._embedding_bag_per_sample_weights_backward.default

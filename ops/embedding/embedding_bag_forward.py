"""embedding_bag_forward: sums, means or maxima of bags of a table's rows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.ops.embedding._bag_kernel import bag_kernel
from plugrad.ops.embedding._bags import AFTER_THE_LAST, FLOATING, bags, for_kernels
from plugrad.ops.embedding._rows import NO_SPARSE_SAMPLE
from plugrad.ops.embedding._table_gradient import gradient_of_table, with_rest


@op(
    "embedding_bag_forward",
    overrides=(
        torch.ops.aten._embedding_bag.default,
        torch._embedding_bag,
        torch.ops.aten._embedding_bag_forward_only.default,
        torch._embedding_bag_forward_only,
    ),
    reference=bag_kernel,
    aliases={"weight": "x"},
    dtypes=FLOATING,
    equivalent={
        "option-ignored[include_last_offset]": AFTER_THE_LAST,
        "option-ignored[sparse]": NO_SPARSE_SAMPLE,
    },
    waives={
        "second-order": "torch has no second derivative",
        "meta": "torch's own gives the outputs for the kernels other sizes",
        "primitive": "with forward_only torch gives them other sizes too",
    },
)
class EmbeddingBagForward(Function):
    """y[b] = the sum (mode 0), mean (1) or maximum (2) of x[indices[i]] for i in bag b.

    Bag b begins at offsets[b]. A sum may have weights, w[i] x[indices[i]], and
    gw[i] = sum(gy[b] x[indices[i]]). gx is gy with the weights added at indices, for a maximum
    where it was found. Indices of padding_idx do not count. With scale_grad_by_freq a row's
    gradient is divided by how often it was named. The further outputs are for the kernels.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        indices: Tensor,
        offsets: Tensor,
        scale_grad_by_freq: bool = False,
        mode: int = 0,
        sparse: bool = False,
        per_sample_weights: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int = -1,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        last = (w := per_sample_weights), include_last_offset, padding_idx
        outputs = bag_kernel(x, indices, offsets, scale_grad_by_freq, mode, False, *last)
        _, bag, sizes, places = outputs
        known = bag.numel() == indices.numel()  # one of the kernels does not say
        bag = bag if known else bags(indices, offsets)
        ctx.mark_non_differentiable(bag, sizes, places)
        need_x, need_w = ctx.needs_input_grad[0], ctx.needs_input_grad[6]
        ctx.save_for_backward(
            x if need_w else None, indices, offsets, w if need_x else None, bag, sizes, places
        )
        ctx.count, ctx.by_freq = x.shape[0], bool(scale_grad_by_freq)
        ctx.mode, ctx.padding_idx = int(mode), int(padding_idx)
        ctx.last, ctx.sparse = bool(include_last_offset), bool(sparse)
        return outputs

    @staticmethod
    def backward(ctx: Context, gy: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        x, indices, offsets, w, bag, sizes, places = ctx.saved_tensors
        indices, offsets = for_kernels(indices), for_kernels(offsets)
        if ctx.last:
            gy, sizes, places = with_rest(gy, sizes, places, ctx.mode)
        gx = gw = None
        if ctx.needs_input_grad[0]:
            last = ctx.count, ctx.by_freq, ctx.mode, w, ctx.padding_idx
            gx = gradient_of_table(ctx.sparse, gy, indices, bag, sizes, places, *last)
        if x is not None:
            gw = _weights_gradient(gy, x, indices, offsets, bag, ctx.mode, ctx.padding_idx)
        return gx, None, None, None, None, None, gw

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        indices = make.tensor([1, 0, 3, 3, 2, 1, 3], dtype=torch.int64)
        starts = make.tensor([0, 2, 2, 5], dtype=torch.int64)  # the second bag is empty
        for mode in (0, 1, 2):
            yield Sample(make.distinct(5, 2), indices, starts, False, mode)
            ends = make.tensor([0, 2, 2, 7], dtype=torch.int64)
            yield Sample(make.distinct(5, 2), indices, ends, False, mode, padding_idx=3)
            yield Sample(make.distinct(5, 2), indices, ends, mode=mode, include_last_offset=True)
            if mode < 2:
                by_freq = Sample(make(5, 2), indices, starts, True, mode)
                reason = "scale_grad_by_freq divides the gradient, which is then not the slope"
                if torch_before("2.14"):
                    by_freq.without_oracle("its kernel divides by the counts of other indices")
                    by_freq.waive("stretched", reason)
                yield by_freq.waive("numeric", reason)
        one = make.tensor([1, 1, 1], dtype=torch.int64), make.tensor([0, 2], dtype=torch.int64)
        by_freq = Sample(make(3, 2), *one, True)  # of a single index torch's count is right
        yield by_freq.waive("numeric", "scale_grad_by_freq divides the gradient")
        for constant in ((), (0,), (6,)):
            weighted = Sample(make(5, 2), indices, starts, per_sample_weights=make(7))
            yield weighted.constant(*constant)
        yield Sample(make(5, 2), indices, starts, per_sample_weights=make(7), padding_idx=3)
        x = make.tensor([[0.0, 2.0], [1.0, 0.0]])
        some, start = make.tensor([0, 1, 1], dtype=torch.int64), make.tensor([0], dtype=torch.int64)
        yield Sample(x, some, start, per_sample_weights=make.tensor([0.0, 1.0, 0.0]))


_weights_gradient = torch.ops.aten._embedding_bag_per_sample_weights_backward.default

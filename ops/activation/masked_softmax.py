"""masked_softmax: the softmax of what a mask does not leave out."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op


def _masked(
    x: Tensor, mask: Tensor, dim: int | None = None, mask_type: int | None = None
) -> Tensor:
    if mask_type == 1:
        mask = mask[:, None, None]
    return x.masked_fill(mask, -torch.inf).softmax(-1 if dim is None else dim)


@op(
    "masked_softmax",
    overrides=(torch._masked_softmax, torch.ops.aten._masked_softmax.default),
    reference=_masked,
)
class MaskedSoftmax(Composite):
    """y = exp(x) / sum(exp(x)) along dim, 0 where mask is True;  its gradient is softmax's.

    torch's own reads a mask that is not contiguous as if it were, and has no second derivative.

    The mask has x's shape for a mask_type of 2 (and of None); for 0 and 1 an x of attention,
    (batch, heads, queries, keys), has one of (queries, keys) and (batch, keys).
    """

    @staticmethod
    def forward(
        x: Tensor, mask: Tensor, dim: int | None = None, mask_type: int | None = None
    ) -> Tensor:
        return _masked(x, mask, dim, mask_type)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        mask = make.tensor([[False, True, False], [False, False, True]], dtype=torch.bool)
        yield Sample(make(2, 3), mask)
        yield Sample(make(2, 3), mask, 0)
        yield Sample(make(2, 3), mask, dim=1, mask_type=2)
        yield Sample(make(2, 2, 3, 3), make.booleans(3, 3).triu(1), 3, 0)
        yield Sample(make(2, 2, 3, 3), mask, 3, 1)
        yield Sample(make(0, 3), make.booleans(0, 3))
        yield Sample(make(2, 3), mask.long()).raises(RuntimeError, "[Bb]ool")

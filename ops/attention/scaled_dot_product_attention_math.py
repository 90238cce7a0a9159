"""scaled_dot_product_attention_math: attention step by step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops.attention._kernels import refuse_no_heads
from plugrad.ops.attention._math import INFINITE_KEY, Form, attention, for_heads


def _reference(*args: Any, **options: Any) -> Any:
    refuse_no_heads(args[1], **options)
    return torch.ops.aten._scaled_dot_product_attention_math.default(*args, **options)


@op(
    "scaled_dot_product_attention_math",
    overrides=(
        torch.ops.aten._scaled_dot_product_attention_math.default,
        torch.ops.aten._scaled_dot_product_attention_math,
    ),
    reference=_reference,
    aliases={"query": "q", "key": "k", "value": "v"},
    random=True,
    waives={"no-nan": INFINITE_KEY},
)
class ScaledDotProductAttentionMath(Composite):
    """z = p v and p, where p = dropout(softmax(scale q k^T + attn_mask)).

    A row of p that is masked all over is 0. With enable_gqa there may be fewer heads of k and
    v than of q. With dropout_mask that is what is left, and nothing is drawn.
    """

    @staticmethod
    def forward(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        dropout_mask: Tensor | None = None,
        *,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> tuple[Tensor, Tensor]:
        if enable_gqa:
            k, v = for_heads(k, q), for_heads(v, q)
        if attn_mask is not None and attn_mask.dtype is torch.bool:
            attn_mask = attn_mask.to(q.dtype)  # here a boolean mask is added as well
        form = Form(is_causal, scale)
        return attention(q, k, v, attn_mask, dropout_p, form, dropout_mask)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3, 4), make(2, 5, 4), make(2, 5, 3))
        yield Sample(make(2, 2, 3, 4), make(2, 2, 5, 4), make(2, 2, 5, 4), make(3, 5))
        mask = make.tensor([[0.0, -torch.inf], [-torch.inf, -torch.inf]])
        yield Sample(make(1, 2, 4), make(1, 2, 4), make(1, 2, 4), mask).constant(3)
        mask = make.tensor([[True, False], [False, False]], dtype=torch.bool)
        yield Sample(make(1, 2, 4), make(1, 2, 4), make(1, 2, 4), mask)
        yield Sample(make(1, 3, 2), make(1, 3, 2), make(1, 3, 2), is_causal=True, scale=-0.3)
        yield Sample(make(2, 4, 3, 2), make(2, 2, 3, 2), make(2, 2, 3, 2), enable_gqa=True)
        yield Sample(make(1, 3, 2), make(1, 3, 2), make(1, 3, 2), None, 0.4)
        kept = make.booleans(1, 3, 3)
        yield Sample(make(1, 3, 2), make(1, 3, 2), make(1, 3, 2), None, 0.4, False, kept)

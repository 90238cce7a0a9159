"""nn.functional.scaled_dot_product_attention: sums of values, weighted by how keys fit queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._narrowed import cast_by_autocast, without_autocast
from plugrad.ops.attention._fused import by_kernel
from plugrad.ops.attention._kernels import fits, refuse_no_heads
from plugrad.ops.attention._math import INFINITE_KEY, Form, attention, for_heads


def _reference(*args: Any, **options: Any) -> Tensor:
    refuse_no_heads(args[1], **options)
    return torch.nn.functional.scaled_dot_product_attention(*args, **options)


@op(
    "nn.functional.scaled_dot_product_attention",
    overrides=(
        torch.nn.functional.scaled_dot_product_attention,
        torch.ops.aten.scaled_dot_product_attention.default,
    ),
    reference=_reference,
    aliases={"query": "q", "key": "k", "value": "v"},
    random=True,
    waives={"no-nan": INFINITE_KEY},
)
class ScaledDotProductAttention(Composite):
    """z = dropout(softmax(scale q k^T + attn_mask)) v, with gradients of all four.

    It is one kernel where torch takes one, and else step by step: on the CPU with dropout, a
    mask that requires grad, or shapes the kernel does not know. A boolean mask says what is
    looked at. A row that is masked all over is 0. With enable_gqa there may be fewer heads of k
    and v than of q. Second derivatives go step by step; torch has none of its kernels'. On CUDA
    there is none with a kernel's dropout: only the kernel knows what it dropped.
    """

    @staticmethod
    def forward(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        *,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        # torch's CausalBias is a tensor whose own numbers mean nothing.
        attn_mask = getattr(attn_mask, "_materialize", lambda _: attn_mask)(q.device)
        q, k, v, attn_mask = cast_by_autocast(q, k, v, attn_mask)
        options: dict[str, Any] = {"scale": scale, "enable_gqa": enable_gqa}
        raw: list[Any] = [t if t is None else t.data for t in (q, k, v, attn_mask)]
        refused = not 0.0 <= dropout_p <= 1.0
        if refused or _may_be_wrong(is_causal, *raw):
            # For its error alone: with dropout it would draw the numbers that are drawn below.
            _torchs(*raw, dropout_p if refused else 0.0, is_causal, **options)
        refuse_no_heads(k, enable_gqa)
        form = Form(is_causal, scale)
        z = by_kernel(q, k, v, attn_mask, dropout_p, form, enable_gqa)
        if z is not None:
            return z
        if enable_gqa:
            k, v = for_heads(k, q), for_heads(v, q)
        with without_autocast(q):
            return attention(q, k, v, attn_mask, dropout_p, form)[0]

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 2, 3, 4), make(2, 2, 5, 4), make(2, 2, 5, 4)).waive(*_NO_SECOND)
        yield Sample(make(2, 3, 4), make(2, 5, 4), make(2, 5, 3))
        yield Sample(make(3, 4), make(5, 4), make(5, 3), make(3, 5))
        yield Sample(make(2, 2, 3, 4), make(2, 2, 5, 4), make(2, 2, 5, 4), make(2, 1, 3, 5))
        mask = make.tensor([[True, False], [False, False]], dtype=torch.bool)
        for shape in ((1, 1, 2, 4), (1, 2, 4)):
            sample = Sample(make(*shape), make(*shape), make(*shape), mask)
            yield sample.waive(*_NO_SECOND) if len(shape) == 4 else sample
        square = make(1, 2, 3, 2), make(1, 2, 3, 2), make(1, 2, 3, 2)
        yield Sample(*square, is_causal=True, scale=0.3).waive(*_NO_SECOND)
        yield Sample(*square, make(3, 3)).constant(3).waive(*_NO_SECOND)
        yield Sample(*square, None, 0.4, True)
        yield Sample(make(2, 4, 3, 2), make(2, 2, 3, 2), make(2, 2, 3, 3), enable_gqa=True)
        few = Sample(make(2, 4, 3, 2), make(2, 2, 3, 2), make(2, 2, 3, 2), enable_gqa=True)
        yield few.waive(*_NO_SECOND) if fits(*few.args[:2]) else few
        nothing = Sample(make(0, 2, 3, 4), make(0, 2, 5, 4), make(0, 2, 5, 4))
        yield nothing.waive("dtypes", "of no booleans torch makes integers")
        yield Sample(*square, mask, is_causal=True).raises(RuntimeError, "is_causal")
        yield Sample(make(3), make(3), make(3)).raises(RuntimeError, "2 dimensional")


# Its type stub knows of no arguments in a list.
_torchs: Any = torch.nn.functional.scaled_dot_product_attention
_NO_SECOND = "second-order", "torch has no second derivative of its kernel"


def _may_be_wrong(causal: bool, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> bool:
    """Whether torch's function has to look at the arguments, which says what is wrong."""
    if not (q.dtype is k.dtype is v.dtype and min(q.dim(), k.dim(), v.dim()) >= 2):
        return True
    return mask is not None and (causal or mask.dtype not in (torch.bool, q.dtype))

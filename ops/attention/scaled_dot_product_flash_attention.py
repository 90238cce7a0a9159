"""scaled_dot_product_flash_attention: attention as one of CUDA's kernels, without a mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, once_differentiable, op
from plugrad.ops.attention import _cuda
from plugrad.ops.attention._math import Form, gradient


def _outputs(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    return_debug_mask: bool = False,
    *,
    scale: float | None = None,
) -> tuple[Any, ...]:
    if _cuda.has_kernels(q):
        return _forward(q, k, v, dropout_p, is_causal, return_debug_mask, scale=scale)
    two = _cuda.by_steps(q, k, v, None, dropout_p, Form(is_causal, scale))
    return *two, None, None, q.shape[2], k.shape[2], *_cuda.nothing(q)


@op(
    "scaled_dot_product_flash_attention",
    overrides=(
        torch.ops.aten._scaled_dot_product_flash_attention.default,
        torch.ops.aten._scaled_dot_product_flash_attention,
    ),
    reference=_outputs,
    aliases={"query": "q", "key": "k", "value": "v"},
    promotes=True,
    dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    equivalent=_cuda.EQUIVALENT,
    waives=_cuda.WAIVES,
)
class ScaledDotProductFlashAttention(Function):
    """z = dropout(p) v and l = log(sum(exp(s))), with s = scale q k^T and p = softmax(s).

    Backward is a kernel, too. A second derivative makes the matrix p; with dropout there is
    none, since only the kernel knows what was dropped. There may be fewer heads of k and v than
    of q. l and the seven outputs after it, which are the kernel's, have no gradient, as in
    torch. On other devices than CUDA it is computed step by step, without dropout.
    """

    @staticmethod
    def forward(
        ctx: Context,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        return_debug_mask: bool = False,
        *,
        scale: float | None = None,
    ) -> tuple[Any, ...]:
        options = dropout_p, is_causal, return_debug_mask
        outputs = _outputs(q, k, v, *options, scale=scale)
        z, lse, cum_q, cum_k, max_q, max_k, state, offset, _ = outputs
        ctx.save_for_backward(q, k, v, z, lse, cum_q, cum_k, state, offset)
        ctx.mark_non_differentiable(*[t for t in outputs[1:] if isinstance(t, Tensor)])
        ctx.sizes, ctx.dropout_p = (max_q, max_k), float(dropout_p)
        ctx.form = _cuda.plain_form(is_causal, scale)
        return outputs

    @staticmethod
    def backward(ctx: Context, gz: Tensor, *_: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = ctx.saved_tensors[:3]
        recorded = any(isinstance(t, Variable) for t in (q, k, v))
        if not ctx.dropout_p and (recorded or not _cuda.has_kernels(q)):
            return gradient(gz, q, k, v, None, Form(*ctx.form))
        return _by_kernel(ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 2, 3, 8), make(2, 2, 5, 8), make(2, 2, 5, 8))
        yield Sample(make(1, 2, 4, 3), make(1, 2, 4, 3), make(1, 2, 4, 3), 0.0, True, scale=0.3)
        yield Sample(make(2, 4, 3, 2), make(2, 2, 3, 2), make(2, 2, 3, 2))
        x = make.tensor([[[[0.0, 2.0], [1.0, 0.0]]]])
        yield Sample(x, x.clone(), x.clone())


@once_differentiable
def _by_kernel(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v, z, lse, cum_q, cum_k, state, offset = ctx.saved_tensors
    causal, scale = ctx.form
    tensors = _cuda.as_laid_out(gz, z), q, k, v, z, lse, cum_q, cum_k
    last = ctx.dropout_p, causal, state, offset
    return _backward(*tensors, *ctx.sizes, *last, scale=scale)


# Their type stubs know of no arguments in a list.
_forward: Any = torch.ops.aten._scaled_dot_product_flash_attention.default
_backward: Any = torch.ops.aten._scaled_dot_product_flash_attention_backward.default

"""scaled_dot_product_cudnn_attention: attention as a kernel of cuDNN, with constant masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, once_differentiable, op
from plugrad.errors import ArgumentError
from plugrad.ops.attention import _cuda
from plugrad.ops.attention._math import Form, gradient


def _outputs(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_bias: Tensor | None,
    compute_log_sumexp: bool,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    return_debug_mask: bool = False,
    *,
    scale: float | None = None,
) -> tuple[Any, ...]:
    if _cuda.has_kernels(q):
        options = compute_log_sumexp, dropout_p, is_causal, return_debug_mask
        return _forward(q, k, v, attn_bias, *options, scale=scale)
    z, lse = _cuda.by_steps(q, k, v, attn_bias, dropout_p, Form(is_causal, scale))
    lse = lse if compute_log_sumexp else lse[..., :0]
    return z, lse, None, None, q.shape[2], k.shape[2], *_cuda.nothing(q)


@op(
    "scaled_dot_product_cudnn_attention",
    overrides=(
        torch.ops.aten._scaled_dot_product_cudnn_attention.default,
        torch.ops.aten._scaled_dot_product_cudnn_attention,
    ),
    reference=_outputs,
    aliases={"query": "q", "key": "k", "value": "v"},
    promotes=True,
    dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    equivalent=_cuda.EQUIVALENT,
    waives=_cuda.WAIVES,
)
class ScaledDotProductCudnnAttention(Function):
    """z = dropout(p) v and l = log(sum(exp(s))), with s = scale q k^T + bias and p = softmax(s).

    attn_bias must not require grad: cuDNN has none. Else it is as the efficient kernel's op.
    """

    @staticmethod
    def forward(
        ctx: Context,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        attn_bias: Tensor | None,
        compute_log_sumexp: bool,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        return_debug_mask: bool = False,
        *,
        scale: float | None = None,
    ) -> tuple[Any, ...]:
        if ctx.needs_input_grad[3]:
            raise ArgumentError(
                "cuDNN's attention has no gradient of attn_bias, which requires grad",
                where="a call of scaled_dot_product_cudnn_attention",
                fix="pass attn_bias.detach(), or call "
                "torch.nn.functional.scaled_dot_product_attention, which takes another kernel",
            )
        # The kernel's backward needs the sums, asked for or not.
        sums = compute_log_sumexp or (_cuda.has_kernels(q) and any(ctx.needs_input_grad))
        options = sums, dropout_p, is_causal, return_debug_mask
        outputs = _outputs(q, k, v, attn_bias, *options, scale=scale)
        z, lse, cum_q, cum_k, max_q, max_k, seed, offset, _ = outputs
        ctx.save_for_backward(q, k, v, z, lse, seed, offset, attn_bias, cum_q, cum_k)
        ctx.mark_non_differentiable(*[t for t in outputs[1:] if isinstance(t, Tensor)])
        ctx.sizes, ctx.dropout_p = (max_q, max_k), float(dropout_p)
        ctx.form = _cuda.plain_form(is_causal, scale)
        return outputs

    @staticmethod
    def backward(ctx: Context, gz: Tensor, *_: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        saved = ctx.saved_tensors
        q, k, v, bias = *saved[:3], saved[7]
        recorded = any(isinstance(t, Variable) for t in (q, k, v))
        if not ctx.dropout_p and (recorded or not _cuda.has_kernels(q)):
            return gradient(gz, q, k, v, bias, Form(*ctx.form))
        return _by_kernel(ctx, gz)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        three = make(1, 2, 3, 4), make(1, 2, 5, 4), make(1, 2, 5, 6)
        yield Sample(*three, None, True)
        yield Sample(*three, make(1, 2, 3, 5), False).constant(3)
        yield Sample(*[make(1, 2, 4, 3) for _ in range(3)], None, True, 0.0, True, scale=0.3)
        yield Sample(make(2, 4, 3, 2), make(2, 2, 3, 2), make(2, 2, 3, 2), None, True)
        x = make.tensor([[[[0.0, 2.0], [1.0, 0.0]]]])
        yield Sample(x, x.clone(), x.clone(), None, True)


@once_differentiable
def _by_kernel(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v, z, *kept = ctx.saved_tensors
    causal, scale = ctx.form
    tensors = _cuda.as_laid_out(gz, z), q, k, v, z, *kept
    return _backward(*tensors, *ctx.sizes, ctx.dropout_p, causal, scale=scale)


# Their type stubs know of no arguments in a list.
_forward: Any = torch.ops.aten._scaled_dot_product_cudnn_attention.default
_backward: Any = torch.ops.aten._scaled_dot_product_cudnn_attention_backward.default

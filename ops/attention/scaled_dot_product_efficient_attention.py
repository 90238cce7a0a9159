"""scaled_dot_product_efficient_attention: attention as one of CUDA's kernels, with any mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, once_differentiable, op
from plugrad.ops.attention import _cuda
from plugrad.ops.attention._math import Form, gradients


def _outputs(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_bias: Tensor | None,
    compute_log_sumexp: bool,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
) -> tuple[Any, ...]:
    if _cuda.has_kernels(q):
        options = compute_log_sumexp, dropout_p, is_causal
        return _forward(q, k, v, attn_bias, *options, scale=scale)
    z, lse = _cuda.by_steps(q, k, v, attn_bias, dropout_p, Form(is_causal, scale))
    return z, lse if compute_log_sumexp else lse[..., :0], *_cuda.nothing(q)[:2]


@op(
    "scaled_dot_product_efficient_attention",
    overrides=(
        torch.ops.aten._scaled_dot_product_efficient_attention.default,
        torch.ops.aten._scaled_dot_product_efficient_attention,
    ),
    reference=_outputs,
    aliases={"query": "q", "key": "k", "value": "v"},
    promotes=True,
    dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    equivalent=_cuda.NO_DROPOUT,
    waives=_cuda.WAIVES,
)
class ScaledDotProductEfficientAttention(Function):
    """z = dropout(p) v and l = log(sum(exp(s))), with s = scale q k^T + bias and p = softmax(s).

    attn_bias has the shape of the scores, and a gradient. Backward is a kernel, too. A second
    derivative makes the matrix p; with dropout there is none, since only the kernel knows what
    was dropped. l and the outputs after it, which are the kernel's, have no gradient, as in
    torch. On other devices than CUDA it is computed step by step, without dropout.
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
        *,
        scale: float | None = None,
    ) -> tuple[Any, ...]:
        # The kernel's backward needs the sums, asked for or not.
        sums = compute_log_sumexp or (_cuda.has_kernels(q) and any(ctx.needs_input_grad))
        outputs = _outputs(q, k, v, attn_bias, sums, dropout_p, is_causal, scale=scale)
        ctx.save_for_backward(q, k, v, attn_bias, *outputs)
        ctx.mark_non_differentiable(*[t for t in outputs[1:] if isinstance(t, Tensor)])
        ctx.dropout_p = float(dropout_p)
        ctx.form = _cuda.plain_form(is_causal, scale)
        return outputs

    @staticmethod
    def backward(ctx: Context, gz: Tensor, *_: Tensor | None) -> tuple[Tensor | None, ...]:
        q, k, v, bias = ctx.saved_tensors[:4]
        recorded = any(isinstance(t, Variable) for t in (q, k, v, bias))
        if ctx.dropout_p or (_cuda.has_kernels(q) and not recorded):
            return _by_kernel(ctx, gz)
        *three, of_bias = gradients(gz, q, k, v, bias, Form(*ctx.form))
        return *three, of_bias.sum_to_size(bias.shape) if ctx.needs_input_grad[3] else None

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        three = make(1, 2, 3, 4), make(1, 2, 5, 4), make(1, 2, 5, 6)
        yield Sample(*three, None, True)
        yield Sample(*three, make(1, 2, 3, 5), False)
        yield Sample(*[make(1, 2, 4, 3) for _ in range(3)], None, True, 0.0, True, scale=0.3)
        yield Sample(make(2, 4, 3, 2), make(2, 2, 3, 2), make(2, 2, 3, 2), None, True)
        x = make.tensor([[[[0.0, 2.0], [1.0, 0.0]]]])
        yield Sample(x, x.clone(), x.clone(), x.clone(), True)


@once_differentiable
def _by_kernel(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
    q, k, v, bias, z, *kept = ctx.saved_tensors
    causal, scale = ctx.form
    wanted = [True, True, True, bias is not None and ctx.needs_input_grad[3]]
    tensors = _cuda.as_laid_out(gz, z), q, k, v, bias, z, *kept
    return _backward(*tensors, ctx.dropout_p, wanted, causal, scale=scale)


# Their type stubs know of no arguments in a list.
_forward: Any = torch.ops.aten._scaled_dot_product_efficient_attention.default
_backward: Any = torch.ops.aten._scaled_dot_product_efficient_attention_backward.default

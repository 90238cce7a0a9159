"""scaled_dot_product_flash_attention_for_cpu_backward: attention's gradient, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.installed_torch import torch_before
from plugrad.errors import ArgumentError
from plugrad.ops.attention._flash_gradient import flash_gradient
from plugrad.ops.attention._kernels import check_shapes, for_kernel, mask_for_kernel
from plugrad.ops.attention._math import Form, for_heads, scale_of, scores, summed_to


@op(
    "scaled_dot_product_flash_attention_for_cpu_backward",
    overrides=(
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward.default,
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward,
    ),
    reference=flash_gradient,
    aliases={
        "grad_out": "g",
        "query": "q",
        "key": "k",
        "value": "v",
        "out": "z",
        "logsumexp": "lse",
    },
    promotes=True,
    dtypes=(torch.float64, torch.float32),
)
class ScaledDotProductFlashAttentionForCpuBackward(Function):
    """zq = scale s k, zk = scale s^T q, zv = p^T g,  with s = p (g v^T - sum(g z)).

    p = exp(scale q k^T + attn_mask - lse). With the cotangents a, b, c and
    w = scale (a k^T + q b^T):  gv = (w p)^T g,  gz = -g sum(w p),  gg = p c + (w p) v - z sum(w p),
    and t = p (w (g v^T - sum(g z)) + g c^T) is the cotangent of the scores: glse = -sum(t),
    gq = scale (s b + t k),  gk = scale (s^T a + t^T q). torch has no gradient here.
    """

    @staticmethod
    def forward(
        ctx: Context,
        g: Tensor,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        z: Tensor,
        lse: Tensor,
        dropout_p: float,
        is_causal: bool,
        *,
        attn_mask: Tensor | None = None,
        scale: float | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        check_shapes(q, k, v, g, z, lse)
        ctx.save_for_backward(g, q, k, v, z, lse, attn_mask)
        if attn_mask is not None:
            ctx.mark_non_differentiable(attn_mask)
        ctx.form = bool(is_causal), None if scale is None else float(scale)
        options = {"attn_mask": mask_for_kernel(attn_mask), "scale": scale}
        # The kernel assumes the layout of the forward kernel's output, right or wrong.
        lse = lse.mT.contiguous().mT
        five = for_kernel(g, q, k, v, z)
        return _backward(*five, lse, dropout_p, is_causal, **options)

    @staticmethod
    def backward(ctx: Context, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        g, q, few_k, few_v, z, lse, mask = ctx.saved_tensors
        k, v, b, c = [for_heads(t, q) for t in (few_k, few_v, b, c)]
        form = Form(*ctx.form)
        scale = scale_of(q, form)
        p = (scores(q, k, mask, form) - lse.unsqueeze(-1)).exp()
        d = g @ v.mT - (g * z).sum(-1, True)
        s = p * d * scale
        w = (a @ k.mT + q @ b.mT) * scale
        wp = w * p
        total = wp.sum(-1, True)
        t = p * (w * d + g @ c.mT)
        gg = p @ c + wp @ v - z * total
        gq = s @ b + t @ k * scale
        gk = s.mT @ a + t.mT @ q * scale
        return gg, gq, summed_to(gk, few_k), summed_to(wp.mT @ g, few_v), -g * total, -t.sum(-1)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def sample(n: int, m: int, heads: int, *args: object, **options: object) -> Sample:
            q, k, v = make(1, 2, n, 3), make(1, heads, m, 3), make(1, heads, m, 3)
            g, z, lse = make(1, 2, n, 3), make(1, 2, n, 3), make(1, 2, n, low=1.0)
            return Sample(g, q, k, v, z, lse, 0.0, *args, **options)

        yield sample(3, 4, 2, False)
        yield sample(3, 3, 2, True, scale=0.3)
        yield sample(3, 4, 2, False, attn_mask=make(3, 4)).constant("attn_mask")
        few = sample(3, 4, 1, False)
        yield few.raises(ArgumentError, "shapes") if torch_before("2.13") else few
        x = make.tensor([[[[0.0, 2.0], [1.0, 0.0]]]])
        lse = make.tensor([[[0.0, 1.5]]])
        zeros = Sample(x.clone(), x.clone(), x.clone(), x.clone(), x.clone(), lse, 0.0, False)
        yield zeros.waive("no-nan", "with large q and this lse the exp overflows")


_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward.default

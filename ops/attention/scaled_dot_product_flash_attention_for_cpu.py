"""scaled_dot_product_flash_attention_for_cpu: attention as one kernel, without its big matrix."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op
from plugrad.core.installed_torch import torch_before
from plugrad.errors import ArgumentError
from plugrad.ops.attention._kernels import check_shapes, for_kernel, mask_for_kernel
from plugrad.ops.attention._math import Form, gradient


def _reference(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor]:
    check_shapes(q, k, v)
    q, k, v = for_kernel(q, k, v)
    return _forward(q, k, v, dropout_p, is_causal, attn_mask=attn_mask, scale=scale)


@op(
    "scaled_dot_product_flash_attention_for_cpu",
    overrides=(
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default,
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu,
    ),
    reference=_reference,
    aliases={"query": "q", "key": "k", "value": "v"},
    promotes=True,
    dtypes=(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    equivalent={"option-ignored[dropout_p]": "the kernel takes 0 alone"},
    waives={
        "hidden-intermediate": "recorded, backward computes the attention again, from q and k",
        "second-order": "torch has no second derivative",
        "no-nan": "of infinite scores the kernel makes 0, and nan in the gradient",
        "lines": "the last line of backward is for second derivatives",
    }
    | (
        dict.fromkeys(("meta", "to-library"), "torch's own gives l the dtype float32")
        if torch_before("2.13")
        else {}
    ),
)
class ScaledDotProductFlashAttentionForCpu(Function):
    """z = p v and l = log(sum(exp(s))), with s = scale q k^T + attn_mask and p = softmax(s).

    gv = p^T gz, gs = p (gz v^T - sum(gz z)), gq = scale gs k, gk = scale gs^T q, also as one
    kernel; a second derivative makes the matrix p. attn_mask and l have no gradient (nor do
    they in torch). A row that is masked all over is 0, and so is its l.
    """

    @staticmethod
    def forward(
        ctx: Context,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        *,
        attn_mask: Tensor | None = None,
        scale: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        check_shapes(q, k, v)
        options = {"attn_mask": mask_for_kernel(attn_mask), "scale": scale}
        z, lse = _forward(*for_kernel(q, k, v), dropout_p, is_causal, **options)
        ctx.save_for_backward(q, k, v, z, lse, attn_mask)
        constants = (lse,) if attn_mask is None else (lse, attn_mask)
        ctx.mark_non_differentiable(*constants)
        ctx.form = bool(is_causal), None if scale is None else float(scale)
        return z, lse

    @staticmethod
    def backward(ctx: Context, gz: Tensor, *_: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v, z, lse, mask = ctx.saved_tensors
        form = Form(*ctx.form)
        if not isinstance(q, Variable):
            five = for_kernel(gz, q, k, v, z)
            options = {"attn_mask": mask_for_kernel(mask), "scale": form.scale}
            return _backward(*five, lse, 0.0, form.causal, **options)
        return gradient(gz, q, k, v, mask, form)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 2, 3, 4), make(2, 2, 5, 4), make(2, 2, 5, 4))
        yield Sample(make(1, 2, 4, 3), make(1, 2, 4, 3), make(1, 2, 4, 3), 0.0, True, scale=0.3)
        mask = make(3, 5)
        yield Sample(make(1, 2, 3, 4), make(1, 2, 5, 4), make(1, 2, 5, 4), attn_mask=mask).constant(
            "attn_mask"
        )
        mask = make.tensor([[0.0, -torch.inf], [-torch.inf, -torch.inf]])
        yield Sample(make(1, 1, 2, 4), make(1, 1, 2, 4), make(1, 1, 2, 4), attn_mask=mask).constant(
            "attn_mask"
        )
        few = Sample(make(2, 4, 3, 2), make(2, 2, 3, 2), make(2, 2, 3, 2))
        yield few.raises(ArgumentError, "shapes") if torch_before("2.13") else few
        x = make.tensor([[[[0.0, 2.0], [1.0, 0.0]]]])
        yield Sample(x, x.clone(), x.clone())


_forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default
_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward.default

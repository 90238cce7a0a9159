"""The gradient of attention from the logarithms of its softmax's sums, in simple functions."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.ops.attention._kernels import check_shapes
from plugrad.ops.attention._math import Form, for_heads, scale_of, scores, summed_to


@torch.autocast("cpu", enabled=False)  # type: ignore[untyped-decorator]
def flash_gradient(
    g: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    z: Tensor,
    lse: Tensor,
    dropout_p: float,  # noqa: ARG001 (the kernel takes 0 alone)
    is_causal: bool,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    check_shapes(q, k, v, g, z, lse)
    form, few = Form(is_causal, scale), (k, v)
    k, v = for_heads(k, q), for_heads(v, q)
    p = (scores(q, k, attn_mask, form) - lse.unsqueeze(-1)).exp()
    gs = p * (g @ v.mT - (g * z).sum(-1, True)) * scale_of(q, form)
    return gs @ k, summed_to(gs.mT @ q, few[0]), summed_to(p.mT @ g, few[1])

"""Attention by the kernel that torch chooses for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.core.context import transform_depth
from plugrad.ops.attention import _cuda
from plugrad.ops.attention._kernels import fits, with_batch
from plugrad.ops.attention._math import Form, scale_of

#: What ``torch._fused_sdp_choice`` answers; 0 is step by step.
_FLASH, _EFFICIENT, _CUDNN = 1, 2, 3


def by_kernel(
    q: Any, k: Any, v: Any, mask: Any, dropout_p: float, form: Form, enable_gqa: bool
) -> Tensor | None:
    """Attention by the kernel that torch chooses, or None where it goes step by step."""
    if not (q.numel() and k.numel()) or transform_depth():  # torch.vmap has no rule for the choice
        return None
    rising = form.scale is None or form.scale > 0
    if _cuda.has_kernels(q):
        # Scaled by 0 or less, the -inf of what is masked or beyond the end is nan.
        kernel = _chosen(q, k, v, mask, dropout_p, form, enable_gqa) if rising else 0
    elif q.device.type == "cpu" and fits(q, k) and (rising or not form.causal):
        tracked = mask is not None and mask.requires_grad
        kernel = 0 if tracked else _chosen(q, k, v, mask, dropout_p, form, enable_gqa)
    else:
        return None
    if kernel not in (_FLASH, _EFFICIENT, _CUDNN):
        return None
    q4, k4, v4, mask = with_batch(q, k, v, _as_floats(mask, q))
    z = _call(kernel, q4, k4, v4, mask, dropout_p, form)
    return z if q.dim() == 4 else z.squeeze(0)


def _chosen(*given: Any) -> int:
    """What torch chooses, which depends on what requires grad."""
    *tensors, dropout_p, form, enable_gqa = given
    options = {"scale": form.scale, "enable_gqa": enable_gqa}
    return int(_choice(*[_as_leaf(t) for t in tensors], dropout_p, form.causal, **options))


def _call(kernel: int, q: Any, k: Any, v: Any, mask: Any, dropout_p: float, form: Form) -> Any:
    """The output of this kernel, given what torch's own function gives it."""
    causal, scale = form
    if not _cuda.has_kernels(q):
        return _for_cpu(q, k, v, 0.0, causal, attn_mask=mask, scale=scale)[0]
    if kernel == _FLASH:
        size, scale = v.shape[-1], scale_of(q, form)
        padded = [_padded(t, -t.shape[-1] % 8) for t in (q, k, v)]
        z = _flash(*padded, dropout_p, causal, scale=scale)[0]
        return z if z.shape[-1] == size else z[..., :size]
    tracked = any(t is not None and t.requires_grad for t in (q, k, v, mask))
    last = tracked and torch.is_grad_enabled(), dropout_p, causal
    if kernel == _CUDNN:
        return _cudnn(q, k, v, mask, *last, scale=scale)[0]
    bias = None if mask is None else _aligned(mask, (*q.shape[:3], k.shape[2]))
    return _efficient(q, k, v, bias, *last, scale=scale)[0]


def _as_leaf(tensor: Any) -> Any:
    """The tensor that stands for a Variable where torch asks whether it requires grad."""
    if tensor is None:
        return None
    raw = tensor.data
    # Without recording torch does not ask; an inference tensor would refuse.
    tracked = tensor.requires_grad and torch.is_grad_enabled()
    return raw.detach().requires_grad_() if tracked else raw


def _as_floats(mask: Any, q: Any) -> Any:
    if mask is None or mask.dtype is not torch.bool:
        return mask
    mask = mask.data
    return torch.zeros_like(mask, dtype=q.dtype).masked_fill_(~mask, -torch.inf)


def _padded(tensor: Any, more: int) -> Any:
    return torch.nn.functional.pad(tensor, (0, more)) if more else tensor


def _aligned(mask: Any, shape: tuple[int, ...]) -> Any:
    """``mask`` of this whole shape, with rows that begin where the kernel can read them."""
    if mask.shape[-1] != shape[-1]:
        mask = mask.expand(*mask.shape[:-1], shape[-1])
    *strides, last = mask.stride()
    if last != 1 or any(stride % 16 for stride in strides):
        mask = _padded(mask, 16 - shape[-1] % 16)[..., : shape[-1]]
    return mask.expand(shape)


# Their type stubs know of no arguments in a list.
_choice: Any = torch._fused_sdp_choice
_for_cpu: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default
_flash: Any = torch.ops.aten._scaled_dot_product_flash_attention.default
_efficient: Any = torch.ops.aten._scaled_dot_product_efficient_attention.default
_cudnn: Any = torch.ops.aten._scaled_dot_product_cudnn_attention.default

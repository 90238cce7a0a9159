"""Attention in simple functions, its gradient too: what a second derivative passes through."""

from __future__ import annotations

from math import copysign, sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor

#: Why an op waives no-nan.
INFINITE_KEY = "a key that is infinite has no weight, and 0 times it is nan, in torch too"

NARROW = (torch.float16, torch.bfloat16)


class Form(NamedTuple):
    """How scores are made: scale q k^T, plus the mask, a lower triangle if causal."""

    causal: bool
    scale: float | None


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    dropout_p: float,
    form: Form,
    dropout_mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """softmax(scores) v and the softmax after dropout, as torch's math path has it."""
    dtype = q.dtype
    if dtype in NARROW:
        q, k, v = q.float(), k.float(), v.float()
        mask = mask if mask is None or mask.dtype is torch.bool else mask.float()
    p = probabilities(q, k, mask, form)
    if dropout_mask is not None and dropout_p > 0:
        p = p.masked_fill(~dropout_mask, 0.0)
        v = v / (1 - dropout_p)
    elif dropout_p > 0:
        p = torch.nn.functional.dropout(p, dropout_p)
    z = p @ v
    return (z, p) if z.dtype is dtype else (z.to(dtype), p.to(dtype))


def scores(q: Tensor, k: Tensor, mask: Tensor | None, form: Form) -> Tensor:
    """The products of q and k times the scale, plus the mask: -inf where a boolean one is False."""
    scale = scale_of(q, form)
    root = sqrt(abs(scale))
    s = (q * copysign(root, scale)) @ (k.mT * root)
    if form.causal:
        mask = torch.ones(s.shape[-2:], dtype=torch.bool, device=s.device).tril()
    if mask is None:
        return s
    return s.masked_fill(~mask, -torch.inf) if mask.dtype is torch.bool else s + mask


def probabilities(q: Tensor, k: Tensor, mask: Tensor | None, form: Form) -> Tensor:
    """The softmax of the scores; 0 in a row that is masked all over."""
    s = scores(q, k, mask, form)
    if mask is None:
        return s.softmax(-1)
    masked = (s == -torch.inf).all(-1, keepdim=True)
    return s.masked_fill(masked, 0.0).softmax(-1).masked_fill(masked, 0.0)


def gradient(
    g: Any, q: Any, k: Any, v: Any, mask: Tensor | None, form: Form
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of q, k and v in ``attention`` without dropout, for the cotangent ``g``."""
    return gradients(g, q, k, v, mask, form)[:3]


def gradients(
    g: Any, q: Any, k: Any, v: Any, mask: Tensor | None, form: Form
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same, and the gradient of the scores, which is that of a mask of their shape."""
    few_k, few_v = k, v
    k, v = for_heads(k, q), for_heads(v, q)
    if q.dtype in NARROW:
        g, q, k, v = g.float(), q.float(), k.float(), v.float()
    p = probabilities(q, k, mask, form)
    gp = g @ v.mT
    gm = p * (gp - (gp * p).sum(-1, True))
    gs = gm * scale_of(q, form)
    found = gs @ k, summed_to(gs.mT @ q, few_k), summed_to(p.mT @ g, few_v), gm
    gq, gk, gv, gm = [t.to(few_k.dtype) for t in found]
    return gq, gk, gv, gm


def scale_of(q: Tensor, form: Form) -> float:
    """The scale: 1 / sqrt(size of a query), unless another is given."""
    if form.scale is not None:
        return form.scale
    return 1 / sqrt(q.shape[-1]) if q.shape[-1] else 1.0


def for_heads(k: Tensor, q: Tensor) -> Tensor:
    """Keys or values with each head repeated, where there are fewer of them than of queries."""
    if k.dim() < 3 or k.shape[-3] in (q.shape[-3], 1, 0):
        return k
    times = q.shape[-3] // k.shape[-3]
    lead, heads, rest = k.shape[:-3], k.shape[-3], k.shape[-2:]
    return k.unsqueeze(-3).expand(*lead, heads, times, *rest).reshape(*lead, -1, *rest)


def summed_to(gk: Tensor, k: Tensor) -> Tensor:
    """The gradient of repeated heads, summed to that of ``k``."""
    if gk.shape == k.shape:
        return gk
    lead, heads, rest = k.shape[:-3], k.shape[-3], k.shape[-2:]
    return gk.reshape(*lead, heads, -1, *rest).sum(-3)

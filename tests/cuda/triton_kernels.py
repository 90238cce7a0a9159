"""A kernel of Triton's, and the torch Function of it."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl


@triton.jit
def _swish(x_ptr, y_ptr, n, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    x = tl.load(x_ptr + at, mask=at < n)
    tl.store(y_ptr + at, x * tl.sigmoid(x), mask=at < n)


@triton.jit
def _swish_backward(x_ptr, g_ptr, gx_ptr, n, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    x, g = tl.load(x_ptr + at, mask=at < n), tl.load(g_ptr + at, mask=at < n)
    s = tl.sigmoid(x)
    tl.store(gx_ptr + at, g * (s + x * s * (1 - s)), mask=at < n)


class Swish(torch.autograd.Function):
    """y = x sigmoid(x)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        x = x.contiguous()
        y = torch.empty_like(x)
        _swish[(triton.cdiv(x.numel(), 128),)](x, y, x.numel(), block=128)
        ctx.save_for_backward(x)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        gx, g = torch.empty_like(x), g.contiguous()
        _swish_backward[(triton.cdiv(x.numel(), 128),)](x, g, gx, x.numel(), block=128)
        return gx

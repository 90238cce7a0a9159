"""layer_norm of each row."""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from plugrad import Sample
from plugrad.tests.controls.kernels.memory import memory


class Right(torch.autograd.Function):
    """y = w (x - mean) r + b;  gx = r (w gy - mean(w gy) - z mean(w gy z)), z = (x - mean) r."""

    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        if not weight.shape == bias.shape == x.shape[-1:]:
            raise ValueError(f"weight and bias must have the shape {x.shape[-1:]}")
        wide = x.float()
        mean = wide.mean(-1, keepdim=True)
        rstd = ((wide - mean).square().mean(-1, keepdim=True) + eps).rsqrt()
        ctx.save_for_backward(x, weight, mean, rstd)
        return ((wide - mean) * rstd * weight.float() + bias.float()).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        return *gradients(*ctx.saved_tensors, gy), None


def gradients(
    x, weight, mean, rstd, gy, *, cotangent=None, stride=None, statistics=lambda row: row
):
    """A row at a time, from its address.

    Args:
        x: of any layout, as gy.
        weight: one a column.
        mean: one a row, as rstd.
        rstd: likewise.
        gy: the cotangent.
        cotangent: the memory to load gy from; its own unless told otherwise.
        stride: from a row of gy to the next; the right one is the number of columns.
        statistics: the row of rstd for a row of x; the right one is the same.
    """
    columns, wide = x.shape[-1], weight.float()
    gx = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    gw, gb = torch.zeros_like(wide), torch.zeros_like(wide)
    pointers = memory(x.contiguous()), memory(gy.contiguous()) if cotangent is None else cotangent
    for row in range(x.numel() // max(columns, 1)):
        starts = row * columns, row * (stride or columns)
        xs, g = (p[s : s + columns].float() for p, s in zip(pointers, starts, strict=True))
        m, r = mean.flatten()[row], rstd.flatten()[statistics(row)]
        z, scaled = (xs - m) * r, g * wide
        found = r * (scaled - scaled.mean() - z * (scaled * z).mean())
        memory(gx)[row * columns : (row + 1) * columns] = found.to(x.dtype)
        gw += g * z
        gb += g
    return gx, gw.to(weight.dtype), gb.to(weight.dtype)


def reference(x, weight, bias, eps):
    """In plain torch."""
    return torch.nn.functional.layer_norm(x, x.shape[-1:], weight, bias, eps)


def samples(make):
    """Rows that are no multiple of a block, in the dtypes of training."""

    def sample(dtype, *shape):
        n = shape[-1]
        return Sample(make(*shape, dtype=dtype), make(n, dtype=dtype), make(n, dtype=dtype), 1e-5)

    return [sample(torch.float32, 3, 6), sample(torch.bfloat16, 2, 3, 10)]

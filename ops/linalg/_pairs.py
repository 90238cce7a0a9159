"""The p-norms of differences, which cdist and pdist share: how their gradient is computed again.

torch's backward kernels have no derivative. These steps have, and compute the norm anew, so that
its own dependence on the points is not lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from plugrad.core.installed_torch import torch_before
from plugrad.errors import ArgumentError
from plugrad.ops._mapped import in_a_map

#: What cdist and pdist waive; torch 2.14 and later have it.
NO_SECOND = (
    {"second-order": "torch has no second derivative: differences judge"}
    if torch_before("2.14")
    else {}
)


def slopes(d: Tensor, p: float) -> Tensor:
    """The derivative of the p-norm of ``d``, along its last dimension, in each element.

    sign(d) |d|^(p - 1) / norm^(p - 1); 0 where the norm or, unless p = 2, the element is. For
    p = inf it is sign(d) at each of the largest, for p = 0 it is 0. As torch's kernels.
    """
    if not d.is_floating_point():
        raise ArgumentError(
            f"the gradient of a distance was asked for between points of {d.dtype}",
            where="a call of cdist_backward or pdist_backward",
            fix="pass floating-point tensors: points.float()",
        )
    if p == 0 or not d.shape[-1]:
        return torch.zeros_like(d)
    if p == 1:
        return d.sign()
    if math.isinf(p):
        return torch.where(d.abs() == d.abs().amax(-1, True), d.sign(), 0.0)
    moved = d != 0
    size = torch.where(moved, d.abs(), 1.0)
    apart = moved.any(-1, True)
    norm = torch.linalg.vector_norm(torch.where(apart, d, 1.0), p, -1, True)
    if p == 2:
        return torch.where(apart, d / norm, 0.0)
    return torch.where(moved, d.sign() * (size / norm) ** (p - 1), 0.0)


def gradient(cotangent: Tensor, points: Tensor, others: Tensor, p: float) -> Tensor:
    """That of the distances of all points from all others, by the points."""
    d = points.unsqueeze(-2) - others.unsqueeze(-3)
    return (cotangent.unsqueeze(-1) * slopes(d, p)).sum(-2)


def pulled(cotangent: Tensor, points: Tensor, others: Tensor, p: float, norms: Tensor) -> Tensor:
    """The same by torch's kernel, whose batches torch.vmap takes for contiguous."""
    if in_a_map(cotangent, points, others):
        return gradient(cotangent, points, others, p)
    kernel = torch.ops.aten._cdist_backward.default
    found: Tensor = kernel(cotangent.contiguous(), points, others, p, norms.contiguous())
    return found


def gradient_in_torch(
    norms: Callable[[Tensor], Tensor], cotangent: Tensor, points: Tensor
) -> Tensor:
    """What torch's autograd finds, which can be differentiated again: for comparison."""
    x = points if points.requires_grad else points.detach().requires_grad_()
    with torch.enable_grad():
        total = (cotangent * norms(x)).sum() + 0.0 * x.sum()
        return torch.autograd.grad(total, x, create_graph=True)[0]

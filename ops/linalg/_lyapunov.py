"""Lyapunov's equation of a Hermitian matrix: what derivatives of a matrix square root solve."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function
from plugrad.errors import NotDifferentiableError
from plugrad.ops._possibly import possibly
from plugrad.ops.linalg._spectrum import resolution


class Lyapunov(Function):
    """x w + w x = y;  gy = solution(gw, x), gx = -gy w^H - w^H gy.

    A Function of its own: in its steps, repeated eigenvalues would spoil the second derivative.
    """

    @staticmethod
    def forward(ctx: Context, y: Tensor, x: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(x)
        sums = values.unsqueeze(-1) + values.unsqueeze(-2)
        w = vectors @ ((vectors.mH @ y @ vectors) / sums) @ vectors.mH
        ctx.save_for_backward(x, w)
        return w

    @staticmethod
    def backward(ctx: Context, gw: Tensor) -> tuple[Any, Any]:
        x, w = ctx.saved_tensors
        gy = Lyapunov.apply(gw, x)
        return gy, -(gy @ w.mH + w.mH @ gy) if ctx.needs_input_grad[1] else None


def solution(y: Tensor, x: Tensor) -> Any:
    """The w of ``x w + w x = y``; x is positive definite."""
    return Lyapunov.apply(y, x)


def refuse_singular(x: Tensor, name: str, why: str, fix: str) -> None:
    """Raise if a positive matrix has an eigenvalue of 0; under vmap none is known, and it is nan.

    Raises:
        NotDifferentiableError: it has one.
    """
    values = torch.linalg.eigvalsh(x.detach())
    if possibly(values <= resolution(values), False):
        raise NotDifferentiableError(why, where=f"backward of {name}", fix=fix)

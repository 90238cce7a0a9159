"""The gradient of the Moore-Penrose inverse, which lstsq needs too."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function
from plugrad.errors import NotDifferentiableError
from plugrad.ops._possibly import possibly

#: Why samples with such a cut have no oracle.
TORCHS_CUT = "torch's gradient of a pseudoinverse leaves out the singular values that are cut off"


def gradient(gy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of x from that of y = x^+, in the order of products whose results are small.

    It is right where the rank of y is that of every matrix near x that counts.
    """
    yh, gyh = y.mH, gy.mH
    if x.shape[-2] <= x.shape[-1]:
        k = gyh @ y
        outer = k @ yh
        return -(y @ k).mH + outer - (x @ y) @ outer + (yh @ y) @ (gyh - k @ x)
    k = y @ gyh
    outer = yh @ k
    return -(k @ y).mH + (gyh - x @ k) @ y @ yh + outer - (outer @ y) @ x


def cuts_off(x: Tensor, y: Tensor) -> bool:
    """Whether y = x^+ counts a singular value as 0, so that ``gradient`` is not enough.

    Also one that is 0: the second derivative sees it grow. Under vmap and on fake tensors, where
    it is not known, it may.
    """
    rank = (y.detach().mT * x.detach()).sum((-2, -1)).real  # the trace of the projection y x
    return possibly(rank < min(x.shape[-2:]) - 0.5, True)


def gradient_with_cut(gy: Tensor, x: Tensor, y: Tensor, name: str) -> Tensor:
    """The gradient of x from that of y = x_k^+, x_k being x without its smaller singular values.

    ``gradient`` is that of x_k. The derivative of x -> x_k is symmetric: what goes between the
    space of a kept singular value s and of one that is cut off, t, turns both spaces, by
    s (s a + t b^H) / (s^2 - t^2), where a is one of the two blocks and b the other. With
    p = x y, q = y x and r = x - x_k, the block w = (1 - p) w q solves w - r r^H w y y^H = c.

    Raises:
        NotDifferentiableError: s and t are equal.
    """
    if x.shape[-2] < x.shape[-1]:
        return gradient_with_cut(gy.mH, x.mH, y.mH, name).mH
    whole = gradient(gy, x, y)
    kept = x @ (y @ whole)
    r = x - x @ (y @ x)
    r = r - x @ (y @ r)  # once more: p is only as exact as x is well-conditioned
    c = whole - kept + r @ (kept - (kept @ y) @ x).mH @ y.mH
    # Of w = c + r h, h is the small square matrix with h - r^H r h y y^H = r^H c y y^H.
    inverse_squares = y @ y.mH
    h = _Stein.apply(r.mH @ c @ inverse_squares, r.mH @ r, inverse_squares, name)
    w = c + r @ h
    return kept + w + y.mH @ w.mH @ r


class _Stein(Function):
    """w - x w y = c, x and y Hermitian;  gc = solution(gw), gx = gc y w^H, gy = w^H x gc.

    A Function of its own: in its steps, repeated eigenvalues would spoil the second derivative.
    """

    @staticmethod
    def forward(ctx: Context, c: Tensor, x: Tensor, y: Tensor, name: str) -> Tensor:
        (a, u), (b, v) = torch.linalg.eigh(x), torch.linalg.eigh(y)
        distance = 1 - a.unsqueeze(-1) * b.unsqueeze(-2)  # 1 - t^2 / s^2
        if possibly(distance <= 8 * x.shape[-1] * torch.finfo(a.dtype).eps, False):
            raise NotDifferentiableError(
                "the tolerance cuts off one of two singular values that are equal: there the "
                "result jumps",
                where=f"backward of {name}",
                fix="choose a tolerance (rtol, atol or rcond) that lies in a gap of "
                "torch.linalg.svdvals(x)",
            )
        w = u @ ((u.mH @ c @ v) / distance) @ v.mH
        ctx.save_for_backward(x, y, w)
        ctx.name = name
        return w

    @staticmethod
    def backward(ctx: Context, gw: Tensor) -> tuple[Any, ...]:
        x, y, w = ctx.saved_tensors
        gc = _Stein.apply(gw, x, y, ctx.name)
        needed = ctx.needs_input_grad
        gx = gc @ y @ w.mH if needed[1] else None
        return gc, gx, w.mH @ x @ gc if needed[2] else None

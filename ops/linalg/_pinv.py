"""The gradient of the Moore-Penrose inverse, which lstsq needs too."""

from __future__ import annotations

from torch import Tensor


def gradient(gy: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The gradient of x from that of y = x^+, in the order of products whose results are small."""
    yh, gyh = y.mH, gy.mH
    if x.shape[-2] <= x.shape[-1]:
        k = gyh @ y
        outer = k @ yh
        return -(y @ k).mH + outer - (x @ y) @ outer + (yh @ y) @ (gyh - k @ x)
    k = y @ gyh
    outer = yh @ k
    return -(k @ y).mH + (gyh - x @ k) @ y @ yh + outer - (outer @ y) @ x

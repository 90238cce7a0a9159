"""Resizing that averages where it shrinks, as torch's forward kernels do where they are right.

A dimension whose size stays is left as it is, whatever its scale, but torch's kernels for the
gradient look at the scale. And where the output is one wide, the forward kernels for a CPU repeat
its first row: computed with height and width exchanged, it is right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def antialiased(
    forward: Callable[..., Any],
    x: Any,
    size: Sequence[int],
    align_corners: bool,
    scales: Sequence[float | None],
) -> Any:
    """``x`` resized to ``size``, with torch's kernel."""
    scale_h, scale_w = _of_what_changes(size, x.shape, scales)
    if size[1] == 1 < size[0]:
        return forward(x.mT, (1, size[0]), align_corners, scale_w, scale_h).mT.contiguous()
    return forward(x, size, align_corners, scale_h, scale_w)


def antialiased_gradient(
    backward: Callable[..., Any],
    gy: Any,
    size: Sequence[int],
    shape: Sequence[int],
    align_corners: bool,
    scales: Sequence[float | None],
) -> Any:
    """The gradient of x, of this shape, with torch's kernel for it."""
    return backward(gy, size, shape, align_corners, *_of_what_changes(size, shape, scales))


def _of_what_changes(
    size: Sequence[int], shape: Sequence[int], scales: Sequence[float | None]
) -> tuple[float | None, ...]:
    """The scales of the dimensions that get another size."""
    triples = zip(size, shape[2:], scales, strict=True)
    return tuple([None if m == n else scale for m, n, scale in triples])

"""segment_reduce in simple functions, which torch differentiates as often as one likes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor

from plugrad.ops.segment._segments import refuse_beyond


def reference(
    x: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    **rest: Any,
) -> Tensor:
    refuse_beyond(x, lengths, offsets, axis)
    how: Any = {**rest, "lengths": lengths, "offsets": offsets, "axis": axis}
    torch.segment_reduce(x, reduce, **how)  # which may refuse
    bounds = _bounds(lengths, offsets)
    if bounds.dim() > 1:
        rows = [reference(r, reduce, offsets=b, **rest) for r, b in zip(x, bounds, strict=True)]
        return torch.stack(rows)
    own = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}[reduce]
    start = own if rest.get("initial") is None else rest["initial"]
    pieces = []
    for low, high in itertools.pairwise(bounds.tolist()):
        padding = x.new_full((1, *x.shape[1:]), start)
        piece = torch.cat([padding.expand(1, *x.shape[1:]), x[low:high]])
        total = getattr(torch, {"max": "amax", "min": "amin", "mean": "sum"}.get(reduce, reduce))
        y = total(piece, 0)
        empty = high == low and rest.get("initial") is None
        if reduce == "mean":
            y = torch.full_like(y, math.nan) if empty else y / max(high - low, 1)
        pieces.append(y)
    return torch.stack(pieces) if pieces else x.new_zeros(0, *x.shape[1:])


def _bounds(lengths: Tensor | None, offsets: Tensor | None) -> Tensor:
    if lengths is None:
        assert offsets is not None
        return offsets
    return torch.cat([torch.zeros_like(lengths[..., :1]), lengths.cumsum(-1)], -1)

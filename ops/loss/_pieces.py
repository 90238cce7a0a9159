"""linear_cross_entropy a few rows at a time, whose logits are computed again in backward."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from plugrad.core.checkpoint import checkpoint


def are_possible(
    linear_weight: Tensor, target: Tensor, reduction: str, label_smoothing: float
) -> bool:
    """Whether the options can be followed; a warning, as torch's, if not."""
    can = linear_weight.dim() == 2 and target.dtype is torch.int64 and label_smoothing == 0
    if not can or reduction not in ("none", "mean", "sum"):
        warnings.warn(
            "linear_cross_entropy: options are ignored; pieces need labels of int64, a weight of "
            "two dimensions and no label smoothing",
            stacklevel=7,
        )
        return False
    return True


def rows_at_once(x: Tensor, linear_weight: Tensor, options: Any) -> int:
    count, features = x.shape if x.dim() == 2 else (1, *x.shape)
    adjusted = options._adjust(
        num_batches=count,
        in_features=features,
        num_classes=len(linear_weight),
        dtype=x.dtype,
        device=x.device,
    )
    return int(adjusted.batch_chunk_size)


def loss(
    x: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    linear_bias: Tensor | None,
    reduction: str,
    rows: int,
    say: dict[str, Any],
) -> Tensor:
    each = "none" if reduction == "none" else "sum"

    def piece(x: Tensor, target: Tensor, linear_weight: Tensor, bias: Tensor | None) -> Tensor:
        logits = torch.nn.functional.linear(x, linear_weight, bias)
        return torch.nn.functional.cross_entropy(logits, target, reduction=each, **say)

    pairs = zip(torch.split(x, rows), torch.split(target, rows), strict=True)
    losses = [checkpoint(piece, *pair, linear_weight, linear_bias) for pair in pairs]
    if reduction == "none":
        return torch.cat(losses)
    total = torch.stack(losses).sum()
    return total if reduction == "sum" else total / _total_weight(target, **say)


def _total_weight(
    target: Tensor, weight: Tensor | None, ignore_index: int = -100, **_: Any
) -> Tensor:
    counts = target.data != ignore_index
    if weight is None:
        return counts.sum()
    return weight.data[torch.where(counts, target.data, 0)].where(counts, 0.0).sum()

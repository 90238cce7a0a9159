"""The gradient of a table of which bags were taken, in simple functions."""

from __future__ import annotations

from torch import Tensor

from plugrad.ops.embedding._bags import (
    MAX,
    MEAN,
    check_bags,
    check_sizes,
    rows,
    without_padding,
)


def dense_gradient(
    x: Tensor,
    indices: Tensor,
    bag: Tensor,
    sizes: Tensor,
    places: Tensor,
    num_weights: int,
    scale_grad_by_freq: bool,
    mode: int,
    per_sample_weights: Tensor | None,
    padding_idx: int = -1,
) -> Tensor:
    check_bags(x, indices, bag, per_sample_weights)
    check_sizes(x, sizes, places if mode == MAX else None)
    if mode == MAX:
        x = x * (sizes > 0).unsqueeze(1)
        return x.new_zeros(num_weights, x.shape[1]).scatter_add(0, places.clamp_min(0), x)
    each = x[bag] if mode != MEAN else (x / sizes.clamp(min=1).unsqueeze(1))[bag]
    if per_sample_weights is not None:
        each = each * per_sample_weights.unsqueeze(1)
    ones = rows(x.new_ones(num_weights, 1), indices, scale_grad_by_freq)
    each = without_padding(each * ones, indices, padding_idx)
    return x.new_zeros(num_weights, x.shape[1]).index_add(0, indices, each)

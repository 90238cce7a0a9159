"""The gradient of one operand of an einsum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import conj
from plugrad.ops.linalg._equation import (
    contract,
    fresh_label,
)


def gradient_of(gz: Tensor, k: int, operands: Sequence[Any], ctx: Any) -> Tensor:
    """The gradient of operand ``k``, before the engine sums it and fits its dtype."""
    term, shape = ctx.terms[k], ctx.shapes[k]
    others = [(ctx.output, gz)]
    others += [(ctx.terms[i], conj(x).to(gz.dtype)) for i, x in enumerate(operands) if i != k]
    sizes = dict(zip(term, shape, strict=True))
    known = {label for labels, _ in others for label in labels}
    # What is left out is summed, as it must be along a dimension of size 1 that was
    # broadcast, and comes back by expand.
    kept = "".join(c for c, size in sizes.items() if c in known and size != 1)
    gradient = contract(others, kept)
    for position, label in enumerate(sizes):
        if label not in kept:
            gradient = gradient.unsqueeze(position)
    gradient = gradient.expand(tuple(sizes.values()))
    return gradient if len(sizes) == len(term) else _on_diagonal(gradient, term)


def _on_diagonal(gradient: Tensor, term: str) -> Tensor:
    """``gradient``, with a dimension for each label, as zeros off the repeated ones' diagonal."""
    labels = "".join(dict.fromkeys(term))
    spread, factors = "", []
    for label in term:
        if label in spread:
            size = gradient.shape[labels.index(label)]
            second = fresh_label(term + spread)
            eye = torch.eye(size, dtype=gradient.dtype, device=gradient.device)
            factors.append((label + second, eye))
            label = second
        spread += label
    return contract([(labels, gradient), *factors], spread)

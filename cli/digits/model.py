"""The model: three linear layers with relu between them.

Every function here runs on plugrad's Variables and, unchanged, on torch's tensors: so
torch's autograd can be asked about the very same model.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from plugrad.cli.digits.data import CLASSES, PIXELS

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIZES = (PIXELS, 128, 64, CLASSES)


def initial_weights(seed: int) -> list[Tensor]:
    """Weight and bias of each layer, drawn as is usual before relu (He et al., 2015)."""
    generator = torch.Generator().manual_seed(seed)
    weights = []
    for inputs, outputs in pairwise(_SIZES):
        spread = (2 / inputs) ** 0.5
        weights += [
            torch.randn(outputs, inputs, generator=generator) * spread,
            torch.zeros(outputs),
        ]
    return weights


def logits(pixels: Any, parameters: Sequence[Any]) -> Any:
    """One score per image and digit; the highest is the model's answer."""
    *hidden, (weight, bias) = zip(parameters[::2], parameters[1::2], strict=True)
    x = pixels
    for hidden_weight, hidden_bias in hidden:
        x = functional.linear(x, hidden_weight, hidden_bias).relu()
    return functional.linear(x, weight, bias)


def mean_loss(pixels: Any, labels: Tensor, parameters: Sequence[Any]) -> Any:
    """How badly the scores fit the labels: the mean cross entropy."""
    return functional.cross_entropy(logits(pixels, parameters), labels)

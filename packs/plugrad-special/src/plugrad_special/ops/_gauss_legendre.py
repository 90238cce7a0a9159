"""Gauss-Legendre quadrature on [0, 1]."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor


@cache
def gauss_legendre(count: int) -> tuple[Tensor, Tensor]:
    """The nodes and weights of the rule with ``count`` nodes, in float64 on the CPU.

    Newton's method on the Legendre polynomial, from the usual guess (Press et al.,
    Numerical Recipes, 4.6).
    """
    nodes, weights = [], []
    for i in range(count):
        z = math.cos(math.pi * (i + 0.75) / (count + 0.5))
        for _ in range(8):
            value, slope = _legendre(count, z)
            z -= value / slope
        _, slope = _legendre(count, z)
        nodes.append((1 - z) / 2)
        weights.append(1 / ((1 - z * z) * slope * slope))
    return _on_cpu(nodes), _on_cpu(weights)


def _on_cpu(numbers: list[float]) -> Tensor:
    """Not where tensors are made by default: the cache outlives that."""
    return torch.tensor(numbers, dtype=torch.float64, device="cpu")


def _legendre(degree: int, z: float) -> tuple[float, float]:
    """The Legendre polynomial of this degree and its derivative at z."""
    before, value = 0.0, 1.0
    for k in range(degree):
        before, value = value, ((2 * k + 1) * z * value - k * before) / (k + 1)
    return value, degree * (z * value - before) / (z * z - 1)

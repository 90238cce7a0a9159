"""Domains: which numbers an input may have, and in which directions they may move."""

from __future__ import annotations

import torch
from torch import Tensor

#: How far a number may be beyond a domain's edge and still count as on it.
_SLACK = 1e-9
#: The domains in which the elements do not move one by one.
BOUND = frozenset({"simplex", "spd", "symmetric"})


def contains(domain: str, tensor: Tensor) -> bool:
    """Whether all numbers of ``tensor`` are in the domain; without a domain, all are.

    Args:
        domain: one of ``plugrad.core.sample.DOMAINS``, or empty.
        tensor: of any shape.
    """
    if not domain or tensor.numel() == 0:
        return True
    if domain == "positive":
        return bool((tensor > 0).all())
    if domain == "probability":
        return bool(((tensor >= 0) & (tensor <= 1)).all())
    if domain == "simplex":
        return is_simplex(tensor)
    if domain == "symmetric":
        return is_symmetric(tensor)
    if domain == "index":
        return bool(((tensor >= 0) & (tensor % 1 == 0)).all())
    if domain == "full-rank":
        return is_full_rank(tensor)
    return is_symmetric(tensor) and not bool(torch.linalg.cholesky_ex(tensor).info.any())


def is_symmetric(tensor: Tensor) -> bool:
    """Whether it is a square matrix, or several, equal to its conjugate transpose."""
    square = tensor.dim() >= 2 and tensor.shape[-1] == tensor.shape[-2]
    return square and bool(torch.equal(tensor, tensor.mH))


def is_simplex(tensor: Tensor) -> bool:
    """Whether its numbers are at least 0 and add up to 1 along the last dimension."""
    if tensor.dim() == 0 or tensor.is_complex() or not bool((tensor >= 0).all()):
        return False
    return bool(((tensor.sum(-1) - 1).abs() <= _SLACK).all())


def is_full_rank(tensor: Tensor) -> bool:
    """Whether it is a matrix, or several, whose rank is the smaller of its two sizes."""
    if tensor.dim() < 2 or not bool(torch.isfinite(tensor).all()):
        return False
    wide = tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)
    return bool((torch.linalg.matrix_rank(wide) == min(tensor.shape[-2:])).all())


def tangent(domain: str, direction: Tensor) -> Tensor:
    """The part of a direction, or of a gradient, that stays in the domain."""
    if domain in ("symmetric", "spd"):
        return (direction + direction.mH) / 2
    if domain == "simplex":
        return direction - direction.mean(-1, keepdim=True)
    return direction

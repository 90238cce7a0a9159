"""Products of batches and vectors, and their gradients where a batch was broadcast."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.core import conj


def batch_by_matrix(x: Tensor, y: Tensor) -> Tensor:
    # torch joins the batch with the rows where y needs a gradient: y expanded to the
    # batch would have one gradient for each matrix in it.
    return torch.matmul(x.flatten(0, -2), y).view(x.shape[:-1] + y.shape[1:])


def matrix_by_batch(x: Tensor, y: Tensor) -> Tensor:
    z = batch_by_matrix(y.mT, x.t())
    return z.mT.contiguous() if x.dim() == 2 else z


def left_of_batches(gz: Tensor, y: Tensor, x_dim: int) -> Tensor:
    """The gradient of x; where its batch was broadcast, for the engine to sum."""
    if y.dim() == 1:
        return gz.unsqueeze(-1) * conj(y)
    if x_dim == 1:
        return gz.flatten() @ conj(y.mT.flatten(0, -2))
    if x_dim == 2 and y.dim() > 2:
        return gz.mT.flatten(0, -2).mT @ conj(y.mT.flatten(0, -2))
    return gz @ conj(y).mT


def right_of_batches(gz: Tensor, x: Tensor, y_dim: int) -> Tensor:
    """The gradient of y, in the same way."""
    if x.dim() == 1:
        return gz * conj(x) if y_dim == 1 else conj(x).unsqueeze(-1) * gz.unsqueeze(-2)
    if y_dim == 1:
        return conj(x.flatten(0, -2)).mT @ gz.flatten()
    if y_dim == 2 and x.dim() > 2:
        return conj(x.flatten(0, -2)).mT @ gz.flatten(0, -2)
    return conj(x).mT @ gz

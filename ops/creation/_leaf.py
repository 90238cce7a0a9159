"""What the ops that make a new tensor like another one have in common."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.core import Variable


def new_leaf(made: Tensor, like: Tensor | Variable, requires_grad: bool) -> Tensor | Variable:
    """``made`` as what ``like`` is, a Variable or a tensor: a leaf of its own."""
    if isinstance(like, Variable):
        return Variable(made, requires_grad)
    return made.requires_grad_(requires_grad)


def given_format(memory_format: torch.memory_format) -> torch.memory_format | None:
    """``memory_format``, or None for the default, which sparse tensors do not take by its name."""
    return None if memory_format is torch.preserve_format else memory_format

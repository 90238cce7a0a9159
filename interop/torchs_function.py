"""What a torch.autograd.Function declares: how forward is written, and its rule."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import _SingleLevelFunction

# What torch.autograd.function.once_differentiable returns runs this code.
_ONCE_CODE = torch.autograd.function.once_differentiable(lambda _: None).__code__


def has_setup_context(function: Any) -> bool:
    """Whether its forward is without ``ctx``, and ``setup_context`` fills that."""
    return function.setup_context is not _SingleLevelFunction.setup_context


def has_own_vmap(function: Any) -> bool:
    """Whether it says how it is computed on a batch."""
    return function.vmap is not torch.autograd.Function.vmap


def rule_of(function: Any) -> Any:
    """Its backward, which torch allows to be called ``vjp`` too."""
    vjp = function.vjp
    return function.backward if vjp is torch.autograd.Function.vjp else vjp


def is_for_lists(rule: Any) -> bool:
    """Whether torch made it of a custom op's rule whose arguments or results are lists."""
    return getattr(rule, "__qualname__", "").startswith("supports_tensorlist.")


def once_marked(rule: Any) -> bool:
    """Whether torch's once_differentiable made it."""
    return getattr(rule, "__code__", None) is _ONCE_CODE

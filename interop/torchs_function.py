"""What a torch.autograd.Function declares: how forward is written, and its rule."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import _SingleLevelFunction

from plugrad.errors import GradientTypeError

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


def only_for_tensors(record: Any, gradients: Any) -> Any:
    """``gradients``, none of which may be for an argument that is not a tensor.

    Raises:
        GradientTypeError: there is one; most likely it belongs to another argument.
    """
    several = isinstance(gradients, tuple | list)
    for i in vars(record).get("_pg_no_tensors", ()) if several else ():
        if i < len(gradients) and gradients[i] is not None:
            raise GradientTypeError(
                f"backward of {record._pg_op_name} returned a gradient different than None at "
                f"position {i}, but that argument of forward was not a tensor",
                where=f"backward of {record._pg_op_name}",
                fix="return the gradients in the order of forward's arguments, and None for those "
                "that are no tensors",
            )
    return gradients


def once_marked(rule: Any) -> bool:
    """Whether torch's once_differentiable made it."""
    return getattr(rule, "__code__", None) is _ONCE_CODE

"""torch.lobpcg on Variables: through the Function that torch's own code calls."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch._lobpcg import LOBPCGAutogradFunction

from plugrad.core.torch_leaf import leaf_of
from plugrad.core.variable import Variable
from plugrad.interop.adoption import apply_adopted
from plugrad.interop.fallback import fall_back

if TYPE_CHECKING:
    from torch import Tensor

_signature = inspect.signature(torch.lobpcg)


def lobpcg(*args: Any, **kwargs: Any) -> Any:
    """``torch.lobpcg``, whose code asks whether the matrices require grad.

    On the tensors of Variables the answer would be no, and the iteration, which writes in
    place, would be differentiated step by step.
    """
    given = _signature.bind(*args, **kwargs)
    given.apply_defaults()
    options = given.arguments
    if not (torch.is_grad_enabled() and any(_requires_grad(options[name]) for name in "AB")):
        return fall_back(torch.lobpcg, *args, **kwargs)
    for name in "AB":
        if options[name] is not None:
            options[name] = _symmetric(options[name])
    return apply_adopted(LOBPCGAutogradFunction, tuple(options.values()), {})


def _requires_grad(matrix: Any) -> bool:
    return matrix is not None and matrix.requires_grad


def _symmetric(matrix: Variable | Tensor) -> Any:
    """So that its gradient is symmetric, too, as in torch."""
    if not isinstance(matrix, Variable) and matrix.requires_grad:
        matrix = leaf_of(matrix, "torch.lobpcg")
    return (matrix + matrix.mT) / 2

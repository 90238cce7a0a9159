"""A leaf of torch's autograd that a module's own code made: a leaf here too, with torch's grad.

Some models set ``hidden.requires_grad = True`` on a plain tensor in their forward, so that
torch's checkpoint has something to differentiate. torch's graph ends there, and so does
ours: a gradient that arrives at it, or at what torch computed from it, is handed to torch,
which adds it to the tensor's grad.
"""

from __future__ import annotations

from typing import Any, NoReturn

import torch
from torch import Tensor

from plugrad.core.variable import Variable, plain
from plugrad.core.written import in_a_module, nodes_of, read_back
from plugrad.errors import TorchGraphError


def leaf_of(tensor: Tensor, op_name: str) -> Variable:
    """A leaf in the place of a tensor that requires grad in torch's autograd.

    If torch computed it from Variables that a module wrote, it is not a leaf: see ``read_back``.

    Raises:
        TorchGraphError: it is a parameter, or computed from one, which should be a Variable; or
            no module is being called.
    """
    if tensor.grad_fn is not None:
        variable = read_back(tensor)
        if variable is not None:
            return variable
    if not (in_a_module() and _is_plain(tensor)):
        refuse_torch_graph(tensor, op_name)
    leaf = plain(tensor.detach()).requires_grad_()
    leaf.register_post_accumulate_grad_hook(lambda leaf: _hand_on(leaf, tensor))
    return leaf


def _hand_on(leaf: Any, tensor: Tensor) -> None:
    gradient, leaf._grad = leaf._grad._data, None
    torch.autograd.backward(tensor, gradient, retain_graph=True)  # retain: others may arrive


def _is_plain(tensor: Tensor) -> bool:
    """Whether torch's graph of ``tensor`` ends at plain tensors only."""
    if tensor.grad_fn is None:
        return type(tensor) is Tensor
    ends = (type(getattr(node, "variable", None)) for node in nodes_of(tensor))
    return all(kind in (Tensor, type(None)) for kind in ends)


def refuse_torch_graph(tensor: Tensor, op_name: str) -> NoReturn:
    """Raise TorchGraphError."""
    raise TorchGraphError(
        f"a torch tensor of shape {tuple(tensor.shape)} that requires grad was passed to "
        f"{op_name}: torch would get no gradient for it",
        where=f"a call of {op_name}",
        fix="pass tensor.detach() as a constant, or plugrad.Variable(tensor.detach(), "
        "requires_grad=True); or, if it is a parameter of a module, put Variables in their place: "
        "plugrad.interop.convert(module)",
    )

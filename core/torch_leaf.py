"""A tensor of torch's autograd that meets Variables: a leaf here too, or a node.

Some models set ``hidden.requires_grad = True`` on a plain tensor in their forward, so that
torch's checkpoint has something to differentiate, and some are given inputs whose gradient is
wanted, with which the user's own code computes, too. A gradient that arrives at such a leaf is
handed to torch, which adds it to the tensor's grad. What torch computed from leaves is one node of
ours: see ``written.read_back``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from plugrad.core.adopted_leaf import is_adopted
from plugrad.core.context import running
from plugrad.core.written import in_others_code, is_input, standing_for
from plugrad.errors import TorchGraphError

if TYPE_CHECKING:
    from torch import Tensor

    from plugrad.core.variable import Variable


def leaf_of(tensor: Tensor, op_name: str) -> Variable:
    """The Variable in the place of a tensor that requires grad in torch's autograd.

    Raises:
        TorchGraphError: it is a parameter, or computed from one, which should be a Variable; or
            the user's own code calls, and no converted model was given it before.
    """
    # A rule's own code makes leaves, to ask torch for their gradients.
    accepts = _is_known_or_input if running.walk or in_others_code() else is_adopted
    variable = standing_for(tensor, accepts)
    if variable is None:
        refuse_torch_graph(tensor, op_name)
    return variable


def _is_known_or_input(leaf: Tensor) -> bool:
    return is_input(leaf) or is_adopted(leaf)


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

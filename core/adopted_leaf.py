"""The Variables that stand for leaves of torch's autograd which meet Variables.

A leaf has one Variable for all its uses, so that its gradient arrives as a whole.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import ref

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from plugrad.core.context import transform_depth
from plugrad.core.node import edge_to, ends
from plugrad.core.tensor_hooks import after, hooks_of, left_out, run_by, torch_goes_on_at
from plugrad.core.variable import Variable, plain, recorded
from plugrad.errors import OnceDifferentiableError

if TYPE_CHECKING:
    from plugrad.core.node import Edge

#: The Variables by tensor, and the tensors by Variable.
_adopted: Any = WeakIdKeyDictionary()
_tensors: Any = WeakIdKeyDictionary()
#: What a torch.autograd.Function was given in place of Variables, with where their gradients go:
#: weakly, as those may lead back to it. Its record keeps both.
_given: Any = WeakIdKeyDictionary()


def adopted(tensor: Tensor) -> Variable:
    """The Variable for a leaf of torch's, whose memory it shares.

    What backward adds to its grad is handed to torch, which adds it to the tensor's.
    """
    given = _given_for(tensor)
    if given is not None:
        return given
    known: Variable | None = None if transform_depth() else _adopted.get(tensor)
    if known is not None and known.dtype is tensor.dtype and known._data.is_set_to(tensor):
        return known
    leaf = plain(tensor.detach()).requires_grad_()
    run_by(leaf, hooks_of(tensor), id(leaf))
    leaf.register_post_accumulate_grad_hook(partial(_hand_on, ref(tensor)))
    if not transform_depth():
        _adopted[tensor], _tensors[leaf] = leaf, ref(tensor)
    return leaf


def give(tensor: Tensor, edge: Edge) -> None:
    """Note that a torch.autograd.Function is given ``tensor`` for a Variable with this edge.

    Its backward may ask torch for the gradient of what it was given, or compute with it.
    """
    record, number = ends(edge)
    _given[tensor] = ref(record), number


def _given_for(tensor: Tensor) -> Variable | None:
    reference, number = (_nothing, 0) if transform_depth() else _given.get(tensor, (_nothing, 0))
    record = reference()
    if record is None:
        return None
    leaf: Variable | None = getattr(record, "variable", None)
    return recorded(tensor.detach(), edge_to(record, number)) if leaf is None else leaf


def _nothing() -> None: ...


def is_adopted(tensor: Tensor) -> bool:
    """Whether a Variable stands for a leaf of torch's already: a converted model was given it."""
    return not transform_depth() and (tensor in _adopted or tensor in _given)


def any_adopted() -> bool:
    """Whether there is such a leaf."""
    return bool(_adopted)


def tensor_of(leaf: Any) -> Tensor | None:
    """The tensor that a Variable stands for; None if it stands for none, or that is gone."""
    found = _tensors.get(leaf)
    return None if found is None else found()


def _hand_on(tensor: ref[Tensor], leaf: Variable) -> None:
    gradient, leaf._grad = leaf._grad, None
    if gradient is None:  # torch went on with all that would have arrived
        return
    if gradient.requires_grad:
        raise OnceDifferentiableError(
            "backward with create_graph reached a tensor that requires grad in torch's autograd, "
            "whose .grad cannot have a graph of Variables",
            where=f"a tensor of shape {tuple(gradient.shape)}, which was given to a module",
            fix="call torch.autograd.grad(y, x, create_graph=True), which returns the gradient; or "
            "give the module plugrad.Variable(x, requires_grad=True)",
        )
    given = tensor()
    # Else nobody can look at its grad, or it has got it.
    if given is not None and not torch_goes_on_at(id(leaf)):
        end = after(given)
        with left_out(end.grad_fn, [hooks_of(given)]):
            torch.autograd.backward(end, gradient._data)

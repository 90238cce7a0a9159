"""Captured tensors: what forward reads without being given it gets no gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.variable import Variable
from plugrad.core.written import nodes_of
from plugrad.testing.call import flat
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.shared import refuse_undifferentiable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.testing.case import Case


@LAWS.law("captured", "first order")
def captured(case: Case) -> None:
    """What forward reads beside its arguments, and requires grad, gets its gradient.

    A weight in a global, a closure or an attribute, or that of a module in an argument, is a
    constant to whoever records the call: it gets no gradient, and nothing says so. It is to be
    an argument, or ``tensor.detach()``. A backward may also add to its ``grad``.
    """
    if case.op.composite:
        raise NotApplicable("what forward calls is recorded by itself")
    call = refuse_undifferentiable(case)
    found = _leaves_read(case)
    again = {id(leaf) for leaf in _leaves_read(case)} if found else set()
    # Forward may also make leaves of its own, for a graph inside; these are new ones each time.
    read = [leaf for leaf in found if id(leaf) in again and not _is_given(leaf, case)]
    if not read:
        raise NotApplicable("forward reads no tensor that requires grad beside its arguments")
    kept = [leaf.grad for leaf in read]
    try:
        for leaf in read:
            leaf.grad = None
        call = case.call()
        call.vjp(call.cotangents())
        without = [leaf for leaf in read if leaf.grad is None]
    finally:
        for leaf, grad in zip(read, kept, strict=True):
            leaf.grad = grad
    if without:
        raise Violation(
            f"forward reads {_described(without)}, which gets no gradient: make it an argument, "
            "or read tensor.detach()"
        )


def _leaves_read(case: Case) -> list[Any]:
    """The leaves that require grad in the graph of forward itself, recorded on constants."""
    try:
        with torch.enable_grad(), case.random_numbers():
            outputs = flat(case.bare_forward([t.clone() for t in case.values]))
    except Exception as error:
        raise NotApplicable("forward cannot be recorded itself") from error
    return list({id(leaf): leaf for output in outputs for leaf in _leaves_of(output)}.values())


def _leaves_of(output: Any) -> Iterator[Any]:
    if not (isinstance(output, Tensor | Variable) and output.requires_grad):
        return
    if output.grad_fn is None:
        yield output
    yield from (node.variable for node in nodes_of(output) if hasattr(node, "variable"))


def _is_given(leaf: Any, case: Case) -> bool:
    """Whether it is also an argument: a module is often given along with its parameters."""
    given = [*case.values, *case.sample.args, *case.sample.kwargs.values()]
    return any(isinstance(t, Tensor) and (leaf is t or _is_copy(leaf.data, t)) for t in given)


def _is_copy(a: Tensor, b: Tensor) -> bool:
    alike = (a.shape, a.dtype, a.device) == (b.shape, b.dtype, b.device)
    return alike and torch.equal(a, b)


def _described(leaves: list[Any]) -> str:
    named = [f"{str(leaf.dtype).removeprefix('torch.')}{list(leaf.shape)}" for leaf in leaves]
    if len(named) == 1:
        return f"a tensor that requires grad and is no argument, {named[0]}"
    return f"tensors that require grad and are no arguments, {', '.join(named)}"

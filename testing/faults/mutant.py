"""mutant: a copy of an op with a fault in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from plugrad.testing.faults.subject import Subject
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.torch_target import TorchTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.core.function import Function


def mutant(subject: Subject, attributes: Mapping[str, Any]) -> Subject:
    """An op like ``subject`` with other attributes; ``subject`` stays as it is.

    Args:
        subject: the op.
        attributes: functions, which become static methods, by name.
    """
    op = subject.op
    if isinstance(op, TorchTarget):
        return Subject(op.of_copy(_torch_copy(op, attributes)))
    original = subject.function
    methods = {name: staticmethod(value) for name, value in attributes.items()}
    declared = vars(original).get("declaration")
    body = {**methods, "__module__": original.__module__, "__doc__": original.__doc__}
    if declared is not None:
        body["declaration"] = declared
    copy: type[Function] = type(original.__name__, (original,), body)
    if declared is not None:
        copy._compile(declared.name, declared.aliases)
    return Subject(OpUnderTest(copy, op.entry, op.seed, op.device))


def _torch_copy(op: TorchTarget, attributes: Mapping[str, Any]) -> type[Any]:
    """A subclass of a torch.autograd.Function, with its mark and its name for the rule."""
    original: Any = op.function
    body: dict[str, Any] = {"__module__": original.__module__, "__doc__": original.__doc__}
    for name, value in attributes.items():
        is_rule = name == "backward"
        if is_rule and original.vjp is not torch.autograd.Function.vjp:
            name = "vjp"
        body[name] = staticmethod(
            once_differentiable(value) if is_rule and op.once_differentiable else value
        )
    copy: type[Any] = type(original)(original.__name__, (original,), body)
    return copy

"""mutant: a copy of an op with a fault in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.testing.case import OpUnderTest
from plugrad.testing.faults.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.core.function import Function


def mutant(subject: Subject, attributes: Mapping[str, Any]) -> Subject:
    """An op like ``subject`` with other attributes; ``subject`` stays as it is.

    Args:
        subject: the op.
        attributes: functions, which become static methods, by name.
    """
    original = subject.function
    methods = {name: staticmethod(value) for name, value in attributes.items()}
    declared = vars(original).get("declaration")
    body = {**methods, "__module__": original.__module__, "__doc__": original.__doc__}
    if declared is not None:
        body["declaration"] = declared
    copy: type[Function] = type(original.__name__, (original,), body)
    if declared is not None:
        copy._compile(declared.name, declared.aliases)
    op = subject.op
    return Subject(OpUnderTest(copy, op.entry, op.seed, op.device))

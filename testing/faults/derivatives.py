"""Faults that show only in the derivative of a rule."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import torch

from plugrad.testing.faults.fault import FAULTS
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plugrad.testing.faults.subject import Subject


@FAULTS.fault(
    "detached", "add a sample whose gradient is not zero", order=2, likely=("second-order",)
)
def detached(subject: Subject, _: str) -> Mapping[str, Any]:
    """In double backward the gradients are constants."""
    rule, raw = _twice(subject), subject.engine.raw

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        with torch.no_grad():
            return rule(ctx, *map(raw, cotangents))

    return {"backward": backward}


def _saved_proof(_: Subject, __: Subject, ___: str) -> str | None:
    return "the gradients do not depend on the values of the inputs"


@FAULTS.fault(
    "saved-detached",
    "add a sample whose gradient depends on the values of its inputs",
    order=2,
    likely=("second-order",),
    proof=_saved_proof,
)
def saved_detached(subject: Subject, _: str) -> Mapping[str, Any]:
    """In double backward the saved tensors are constants."""
    rule, contexts = _twice(subject), subject.contexts
    if not any(contexts.tensors(found.context) for found in subject.probes):
        raise NotApplicable("the rule saves no tensor")

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return rule(contexts.constant(ctx), *cotangents)

    return {"backward": backward}


def _twice(subject: Subject) -> Callable[..., Any]:
    """The rule, if there is a second derivative to get wrong."""
    if subject.op.once_differentiable:
        raise NotApplicable("backward is marked once_differentiable")
    return subject.rule

"""Faults that show only in the derivative of a rule."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.variable import Variable
from plugrad.testing.faults.fault import FAULTS
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.testing.faults.subject import Subject


@FAULTS.fault(
    "detached", "add a sample whose gradient is not zero", order=2, likely=("second-order",)
)
def detached(subject: Subject, _: str) -> Mapping[str, Any]:
    """In double backward the gradients are constants."""
    rule = subject.function.backward

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        with torch.no_grad():
            return rule(ctx, *[c._data if isinstance(c, Variable) else c for c in cotangents])

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
    if not any(isinstance(t, Tensor) for p in subject.probes for t in p.node.saved):
        raise NotApplicable("the rule saves no tensor")
    rule = subject.function.backward

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        constant: Any = _ConstantContext(ctx)
        return rule(constant, *cotangents)

    return {"backward": backward}


class _ConstantContext:
    """A context whose saved tensors are never Variables."""

    def __init__(self, ctx: Any) -> None:
        self._ctx = ctx

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        with torch.no_grad():
            saved: tuple[Any, ...] = self._ctx.saved_tensors
        return saved

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)

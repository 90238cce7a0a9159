"""Faults in what a rule does with its cotangents, the gradients that it is given."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import torch

from plugrad.testing.faults.fault import FAULTS
from plugrad.testing.faults.rewrite import receiving
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.testing.faults.subject import Subject


@FAULTS.fault(
    "cotangent-changed", "add a sample whose gradient is computed", order=0, likely=("purity",)
)
def cotangent_changed(subject: Subject, _: str) -> Mapping[str, Any]:
    """The cotangent is doubled in place after the gradients are computed."""
    rule, raw = subject.rule, subject.engine.raw

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        result = rule(ctx, *cotangents)
        for cotangent in cotangents:
            if cotangent is not None:
                raw(cotangent).data.mul_(2)
        return result

    return {"backward": backward}


@FAULTS.fault("nonlinear", "add a sample whose gradient is not zero")
def nonlinear(subject: Subject, _: str) -> Mapping[str, Any]:
    """The rule uses g |g| in place of a cotangent g."""
    return receiving(subject.function, lambda cotangent, _: cotangent * cotangent.abs())


@FAULTS.fault(
    "clipped",
    "add a sample in float32 or float64 whose gradient is not zero",
    order=0,
    likely=("linearity",),
)
def clipped(subject: Subject, _: str) -> Mapping[str, Any]:
    """Cotangents are clipped to a magnitude of 100."""

    def clip(cotangent: Any, _: int) -> Any:
        raw = subject.engine.raw(cotangent)
        return cotangent * (100 / raw.abs().clamp(min=100)).to(raw.dtype)

    return receiving(subject.function, clip)


@FAULTS.fault(
    "nan-at-zero", "add a sample whose gradient is not zero", order=0, likely=("zero-cotangent",)
)
def nan_at_zero(subject: Subject, _: str) -> Mapping[str, Any]:
    """The rule uses g g / g in place of a cotangent g, which is nan at 0."""
    return receiving(subject.function, lambda cotangent, _: cotangent * (cotangent / cotangent))


def _outputs(subject: Subject) -> list[str]:
    several = [p.call for p in subject.probes if p.node.output_count > 1]
    numbers = sorted(
        {number for call in several for number in subject.contexts.cotangent_numbers(call)}
    )
    return [str(n) for n in numbers[:3]] or [""]


@FAULTS.fault(
    "output-ignored",
    "add a sample where output {} has a gradient that is not zero",
    variants=_outputs,
)
def output_ignored(subject: Subject, number: str) -> Mapping[str, Any]:
    """The rule uses zeros for the cotangent of one of several outputs."""
    if not number:
        raise NotApplicable("it has one output")
    raw = subject.engine.raw

    def change(cotangent: Any, index: int) -> Any:
        return torch.zeros_like(raw(cotangent)) if index == int(number) else cotangent

    return receiving(subject.function, change)

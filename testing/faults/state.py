"""Faults that change, share or reuse memory that is not theirs."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.faults.fault import FAULTS
from plugrad.testing.faults.mutant import mutant
from plugrad.testing.faults.rewrite import each, watching
from plugrad.testing.faults.subject import gradients, moved_everywhere, probe, same
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.testing.faults.subject import Probe, Subject


def _saved(subject: Subject, ctx: Any) -> list[Tensor]:
    found = subject.contexts.tensors(ctx)
    return [t for t in found if t.numel() and (t.is_floating_point() or t.is_complex())]


def _uses_saved(subject: Subject, found: Probe) -> bool:
    """Whether the rule gives another result with what other input values leave."""
    expected, contexts = gradients(found.case), subject.contexts
    for other in filter(None, map(probe, moved_everywhere(found))):
        left = contexts.left(other.context)

        def backward(ctx: Any, *cotangents: Any, left: Any = left) -> Any:
            return contexts.run_with(subject.rule, ctx, left, cotangents)

        faulty = mutant(subject, {"backward": backward})
        if not same(expected, gradients(faulty.cases[found.case.index])):
            return True
    return False


def _refuse_unsaved(subject: Subject) -> None:
    if not any(_saved(subject, found.context) for found in subject.probes):
        raise NotApplicable("the rule saves no floating-point tensor")


@FAULTS.fault(
    "saved-changed",
    "add a sample for which a tensor is saved",
    order=0,
    likely=("oracle", "purity"),
)
def saved_changed(subject: Subject, _: str) -> Mapping[str, Any]:
    """The first saved tensor is changed in place after the gradients are computed."""
    _refuse_unsaved(subject)
    rule = subject.rule

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        result = rule(ctx, *cotangents)
        for tensor in _saved(subject, ctx)[:1]:
            tensor.data.add_(1)
        return result

    return {"backward": backward}


@FAULTS.fault(
    "state-shared",
    "add a sample whose gradient depends on the values of its inputs",
    order=0,
    likely=("interleaved",),
)
def state_shared(subject: Subject, _: str) -> Mapping[str, Any]:
    """The rule uses what the op's newest call saved instead of its own."""
    _refuse_unsaved(subject)
    if subject.engine.name == "torch" and not any(_uses_saved(subject, p) for p in subject.probes):
        raise NotApplicable("the gradients do not depend on what the inputs let forward save")
    newest: dict[str, Any] = {}
    rule, contexts = subject.rule, subject.contexts

    def remember(ctx: Any, _: Any) -> None:
        newest["left"] = contexts.left(ctx)

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return contexts.run_with(rule, ctx, newest["left"], cotangents)

    return {"backward": backward, **watching(subject.function, remember)}


@FAULTS.fault(
    "buffer-reused", "add a sample whose gradient is not zero", order=0, likely=("linearity",)
)
def buffer_reused(subject: Subject, _: str) -> Mapping[str, Any]:
    """Gradients are returned in memory that the next call overwrites."""
    rule = subject.rule
    buffers: dict[Any, Tensor] = {}

    def reused(gradient: Any, position: int, item: int | None) -> Any:
        if not isinstance(gradient, Tensor) or gradient.requires_grad:
            return gradient
        key = position, item, gradient.shape, gradient.dtype
        buffer = buffers.setdefault(key, torch.empty_like(gradient).contiguous())
        return buffer.copy_(gradient)

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return each(rule(ctx, *cotangents), reused)

    return {"backward": backward}

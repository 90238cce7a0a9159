"""Faults that change, share or reuse what is not theirs."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.node import Record
from plugrad.testing.faults.fault import FAULTS
from plugrad.testing.faults.rewrite import each
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.testing.faults.subject import Subject


def _floating(value: Any) -> bool:
    return isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex())


def _saved(node: Any) -> list[Tensor]:
    return [t for t in node._pg_saved or () if _floating(t) and t.numel()]


@FAULTS.fault(
    "saved-changed",
    "add a sample for which a tensor is saved",
    order=0,
    likely=("oracle", "purity"),
)
def saved_changed(subject: Subject, _: str) -> Mapping[str, Any]:
    """The first saved tensor is changed in place after the gradients are computed."""
    if not any(_saved(found.record) for found in subject.probes):
        raise NotApplicable("the rule saves no floating-point tensor")
    rule = subject.function.backward

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        result = rule(ctx, *cotangents)
        for tensor in _saved(ctx)[:1]:
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
    """The rule uses what the newest call of the op saved, not its own."""
    if not any(_saved(found.record) for found in subject.probes):
        raise NotApplicable("the rule saves no floating-point tensor")
    newest: dict[str, Any] = {}
    forward, rule = subject.function.forward, subject.function.backward
    if subject.function.takes_setup_context():
        raise NotApplicable("the op has a setup_context")

    @wraps(forward)
    def remembering(ctx: Any, *args: Any, **options: Any) -> Any:
        output = forward(ctx, *args, **options)
        if isinstance(ctx, Record):
            newest["saved"] = ctx._pg_saved
        return output

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        own = ctx._pg_saved
        if own is None or not _alike(own, newest["saved"]):
            return rule(ctx, *cotangents)
        version = ctx._pg_version
        ctx._pg_saved = newest["saved"]
        ctx._pg_version = sum(t._version for t in ctx._pg_saved if isinstance(t, Tensor))
        try:
            return rule(ctx, *cotangents)
        finally:
            ctx._pg_saved, ctx._pg_version = own, version

    return {"forward": remembering, "backward": backward}


def _alike(own: Any, other: Any) -> bool:
    shapes = [[getattr(t, "shape", None) for t in saved] for saved in (own, other)]
    return shapes[0] == shapes[1]


@FAULTS.fault(
    "buffer-reused", "add a sample whose gradient is not zero", order=0, likely=("linearity",)
)
def buffer_reused(subject: Subject, _: str) -> Mapping[str, Any]:
    """Gradients are returned in memory that the next call overwrites."""
    rule = subject.function.backward
    buffers: dict[Any, Tensor] = {}

    def reused(gradient: Any, position: int, item: int | None) -> Any:
        if not isinstance(gradient, Tensor):
            return gradient
        key = position, item, gradient.shape, gradient.dtype
        buffer = buffers.setdefault(key, torch.empty_like(gradient).contiguous())
        return buffer.copy_(gradient)

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return each(rule(ctx, *cotangents), reused)

    return {"backward": backward}

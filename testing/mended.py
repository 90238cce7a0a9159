"""Mended copies of a plugrad op: without a fault that would hide all others."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from plugrad.core.held import holds_tensor
from plugrad.core.node import Record
from plugrad.testing.op_under_test import OpUnderTest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.core.function import Function


def summing(op: OpUnderTest) -> OpUnderTest:
    """A copy whose gradients the engine sums to the inputs' shapes and casts to their dtypes."""
    return _copy(op, {}, broadcasts=True, promotes=True)


def dense(op: OpUnderTest) -> OpUnderTest:
    """A copy whose gradients are dense."""
    rule = op.function.backward

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        gradients = rule(ctx, *cotangents)
        if isinstance(gradients, tuple | list):
            return tuple(map(_dense, gradients))
        return _dense(gradients)

    return _copy(op, {"backward": backward})


def _dense(gradient: Any) -> Any:
    layout = getattr(gradient, "layout", torch.strided)
    return gradient if layout is torch.strided else gradient.to_dense()


def narrow(op: OpUnderTest, dtype: torch.dtype) -> OpUnderTest:
    """A copy that may compute in ``dtype``: so does its reference, and gradients are cast."""
    reference = op.reference
    if reference is None:
        return _copy(op, {}, promotes=True)

    def narrowed(*args: Any, **options: Any) -> Any:
        return _cast(reference(*args, **options), dtype)

    return _copy(op, {}, promotes=True, reference=narrowed)


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_cast(part, dtype) for part in value)
    if not isinstance(value, Tensor) or not (value.is_floating_point() or value.is_complex()):
        return value
    return value.to(dtype.to_complex() if value.is_complex() else dtype.to_real())


def with_attributes(op: OpUnderTest) -> OpUnderTest:
    """A copy whose forward may leave tensors on its context, as attributes."""
    held: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()
    function = op.function
    keeps = function.setup_context if function.takes_setup_context() else function.forward
    rule = function.backward

    @wraps(keeps)
    def keeping(ctx: Any, *args: Any, **options: Any) -> Any:
        result = keeps(ctx, *args, **options)
        if isinstance(ctx, Record):
            tensors = {n: v for n, v in vars(ctx).items() if n[:4] != "_pg_" and holds_tensor(v)}
            held[ctx] = tensors
            for name in tensors:
                delattr(ctx, name)
        return result

    @wraps(rule)
    def backward(ctx: Any, *cotangents: Any) -> Any:
        tensors = held.get(ctx._pg_narrowed_from or ctx, {})
        shown: Any = _WithAttributes(ctx, tensors)
        return rule(shown, *cotangents)

    name = "setup_context" if function.takes_setup_context() else "forward"
    return _copy(op, {name: keeping, "backward": backward})


class _WithAttributes:
    """A context and the tensors that forward set on it."""

    def __init__(self, ctx: Any, tensors: dict[str, Any]) -> None:
        vars(self).update(tensors, _ctx=ctx)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)


def _copy(op: OpUnderTest, methods: Mapping[str, Any], **declared: Any) -> OpUnderTest:
    original = op.function
    body = {name: staticmethod(value) for name, value in methods.items()}
    declaration = replace(op.declaration, **declared)
    copy: type[Function] = type(
        original.__name__,
        (original,),
        {**body, "__module__": original.__module__, "declaration": declaration},
    )
    copy._compile(declaration.name, declaration.aliases)
    made = OpUnderTest(copy, op.entry, op.seed, op.device)
    made.declared = op.declared
    return made

"""once_differentiable: a rule on raw tensors, whose gradients cannot be differentiated."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.context import running
from plugrad.core.function import Function
from plugrad.core.variable import Variable, recorded
from plugrad.errors import OnceDifferentiableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.context import Context


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``backward`` run on raw tensors even in ``create_graph``.

    Its gradients are right; differentiating them raises OnceDifferentiableError.
    """

    @wraps(backward)
    def wrapper(ctx: Any, *gradients: Any) -> Any:
        if running.recorded_rule is None:
            return backward(ctx, *gradients)
        outer, running.recorded_rule = running.recorded_rule, None
        try:
            with torch.no_grad():
                raw = [g._data if isinstance(g, Variable) else g for g in gradients]
                result = backward(ctx, *raw)
        finally:
            running.recorded_rule = outer
        # The result depends on the cotangents and on the inputs, so a second derivative
        # would have to pass through an edge to one of them.
        sources = [v for v in (*gradients, *_inputs(ctx)) if v is not None and v.requires_grad]
        if not sources:
            return result
        single = not isinstance(result, tuple | list)
        guarded = [_guard(g, sources, ctx._pg_op_name) for g in ((result,) if single else result)]
        return guarded[0] if single else tuple(guarded)

    wrapper.once_differentiable = True  # type: ignore[attr-defined]
    return wrapper


def _inputs(ctx: Any) -> list[Variable]:
    """A Variable for every edge of the node."""
    return [recorded(torch.empty(0), edge) for edge in ctx._pg_edges if edge is not None]


def _guard(gradient: Any, sources: list[Variable], op_name: str) -> Any:
    if not isinstance(gradient, Tensor):
        return gradient
    return _OnceOnly.apply(gradient, sources, op_name)


class _OnceOnly(Function):
    """The identity, whose backward raises."""

    @staticmethod
    def forward(ctx: Context, gradient: Tensor, sources: list[Tensor], op_name: str) -> Tensor:
        ctx.op = op_name
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Context, gradient: Any) -> Any:
        name: str = ctx.op
        raise OnceDifferentiableError(
            "trying to differentiate twice a function that was marked with @once_differentiable: "
            f"{name}",
            where=f"double backward of {name}",
            fix="do not pass create_graph through it, or write backward in differentiable ops "
            "and remove the mark",
        )

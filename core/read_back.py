"""ReadBack: what torch computed of Variables, as one node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.core.function import Function
from plugrad.core.once_differentiable import once_differentiable
from plugrad.core.written import gradients_of_starts
from plugrad.errors import GraphFreedError

if TYPE_CHECKING:
    from torch import Tensor

    from plugrad.core.context import Context


class ReadBack(Function):
    """y = f(*sources);  the gradients are those that torch's graph of y gives."""

    @staticmethod
    def forward(ctx: Context, graph: Any, *sources: Tensor) -> Tensor:
        ctx.end, ctx.starts = graph.end, graph.starts
        return graph.y.detach()  # type: ignore[no-any-return]

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        try:
            found = gradients_of_starts(ctx.end, ctx.starts, gy)
        except RuntimeError as error:
            if "second time" not in str(error):
                raise
            raise GraphFreedError(
                "torch's backward has freed the graph of a plain tensor that a module wrote "
                "Variables into and read again",
                where=f"backward of what was read, of shape {tuple(gy.shape)}",
                fix="pass retain_graph=True to that backward; or give it a Variable: "
                "plugrad.backward(loss)",
            ) from error
        return None, *found

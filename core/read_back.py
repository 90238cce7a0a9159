"""ReadBack: what torch computed of Variables, as one node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.core.context import running
from plugrad.core.function import Function
from plugrad.core.tensor_hooks import torch_goes_on_at
from plugrad.core.variable import Variable
from plugrad.core.written import gradients_of_starts, recorded_again, source_of
from plugrad.errors import GraphFreedError

if TYPE_CHECKING:
    from torch import Tensor

    from plugrad.core.context import Context


class ReadBack(Function):
    """y = f(*sources);  the gradients are those that torch's graph of y gives.

    To be differentiated again, they are what torch computes of gy, and read back themselves.
    """

    @staticmethod
    def forward(ctx: Context, graph: Any, *sources: Tensor) -> Tensor:
        y, graph.y = graph.y, None  # which has a hold on what stands for it
        ctx.graph = graph
        return y.detach()  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Context, gy: Any) -> tuple[Any, ...]:
        if torch_goes_on_at(id(ctx)):
            return (None,) * len(ctx.needs_input_grad)
        again, given = running.recorded_rule is not None, gy
        if isinstance(gy, Variable):
            given = source_of(gy) if gy.requires_grad else gy._data
        try:
            found = gradients_of_starts(ctx.graph, given, again)
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
        if again:
            return None, *[None if g is None else recorded_again(g) for g in found]
        return None, *found

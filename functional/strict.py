"""What torch.autograd.functional demands: tuples of tensors, and more in strict mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from torch import Tensor

from plugrad.core.accumulate_grad import edge_of
from plugrad.core.counted import counted
from plugrad.core.node import ends
from plugrad.core.variable import Variable
from plugrad.core.ways import leading_to
from plugrad.errors import TransformError, TransformTypeError
from plugrad.functional.levels import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOOSE = "leave strict out to get zeros there, which is the derivative"


class Call:
    """One call: the level, the inputs as its Variables, and what the function returned.

    Args:
        name: of the function that is called.
        func: the user's.
        inputs: a tensor or Variable, or a tuple of them.
        v: a vector, or None; only so that Variables in it count.
        create_graph: whether what is returned can be differentiated.
        strict: whether independence is an error.
    """

    def __init__(
        self,
        name: str,
        func: Callable[..., Any],
        inputs: Any,
        v: Any,
        create_graph: bool,
        strict: bool,
    ) -> None:
        self.name, self.strict, self.create_graph = name, strict, create_graph
        self.level = Level(name, inputs, v)
        self.level.recording = create_graph
        self.inputs_are_tuple, given = as_tuple(inputs, "inputs", name)
        self.inputs = [self.level.enter_one(x) for x in given]
        output = func(*self.inputs)
        what = "outputs of the user-provided function"
        self.outputs_are_tuple, self.outputs = as_tuple(output, what, name)
        if strict:
            self._check_outputs()

    def _check_outputs(self) -> None:
        for i, output in enumerate(self.outputs):
            if not (isinstance(output, Variable) and output.requires_grad):
                refuse(
                    self.name,
                    f"Output {i} of the user-provided function does not require gradients. The "
                    "outputs must be computed in a differentiable manner from the input when "
                    "running in strict mode.",
                )

    @property
    def recorded(self) -> bool:
        """Whether the result is going to be differentiated."""
        return self.create_graph and (self.strict or self.level.is_recorded(self.outputs))

    def refuse_tuple_or_many(self) -> None:
        """Demand one output of one element."""
        if self.outputs_are_tuple:
            refuse(
                self.name,
                f"The function given to {self.name} should return a single Tensor",
                "return one tensor, not a tuple",
            )
        if self.outputs[0].numel() != 1:
            refuse(
                self.name,
                f"The Tensor returned by the function given to {self.name} should contain a single "
                "element",
                "return output.sum(), or another single number",
            )

    def checked_v(self, v: Any, of: Sequence[Any], is_tuple: bool, otherwise: str) -> list[Any]:
        """The vector as a list like ``of``; None where it may be left out, and is."""
        if v is None:
            if len(of) != 1 or of[0].numel() != 1:
                refuse(self.name, f"The vector v can only be None if {otherwise}", "pass v")
            return [None]
        _, given = as_tuple(v, "v", self.name)
        if len(of) != len(given):
            refuse(
                self.name,
                f"v is a tuple of invalid length: should be {len(of)} but got {len(given)}."
                if is_tuple
                else "The given v should contain a single Tensor.",
                f"pass {counted(len(of), 'tensor')} in a tuple" if is_tuple else "pass one tensor",
            )
        for i, (vector, x) in enumerate(zip(given, of, strict=True)):
            if vector.shape != x.shape:
                refuse(
                    self.name,
                    f"{f'Entry {i} in ' if is_tuple else ''}v has invalid size: should be "
                    f"{x.shape} but got {vector.shape}.",
                    f"pass a vector of shape {tuple(x.shape)}",
                )
        return list(given)

    def leave(self, values: Sequence[Any], as_tuple: bool) -> Any:
        """What is returned: a tuple, or its only element."""
        shown = tuple(self.level.leave(list(values)))
        return shown if as_tuple else shown[0]

    def check_dependence(self, values: Sequence[Any], message: str) -> None:
        """In strict mode, demand a graph from ``values`` to each input; {i} is its number."""
        if not self.strict:
            return
        edges = [edge_of(v) for v in values if isinstance(v, Variable) and v.requires_grad]
        roots = [ends(edge)[0] for edge in edges if edge is not None]
        for i, x in enumerate(self.inputs):
            edge = edge_of(x)
            assert edge is not None
            record = ends(edge)[0]
            if record not in roots and not leading_to({record}, roots):
                refuse(self.name, message.format(i=i))

    def check_graph(self, values: Sequence[Any], message: str) -> None:
        """In strict mode, demand that each of ``values`` require grad; {i} is its number."""
        for i, value in enumerate(values if self.strict else ()):
            if not (isinstance(value, Variable) and value.requires_grad):
                refuse(self.name, message.format(i=i))

    def check_gradient(self, gradient: Sequence[Any]) -> None:
        """In strict mode, demand that the gradient depend on each input, for a Hessian."""
        self.check_graph(
            gradient,
            "While computing the hessian, found that the jacobian of the user-provided function "
            "with respect to input {i} is independent of the input. This is not allowed in strict "
            "mode. You should ensure that your function is twice differentiable and that the "
            "jacobian depends on the inputs (this would be violated by a linear function for "
            "example).",
        )


def as_tuple(given: Any, what: str, name: str) -> tuple[bool, tuple[Any, ...]]:
    """Whether it is a tuple, and a tuple of what is given.

    Raises:
        TransformTypeError: something is neither a tensor nor a Variable.
    """
    is_tuple = isinstance(given, tuple)
    values: tuple[Any, ...] = given if is_tuple else (given,)
    for i, value in enumerate(values):
        if not isinstance(value, Tensor | Variable):
            which = f"value at index {i}" if is_tuple else f"given {what}"
            raise TransformTypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the "
                f"{which} has type {type(value)}.",
                where=f"a call of {name}",
                fix="pass tensors or Variables, alone or in a tuple",
            )
    return is_tuple, values


def refuse(name: str, what: str, fix: str = _LOOSE) -> NoReturn:
    """Raise TransformError."""
    raise TransformError(what, where=f"a call of plugrad.functional.{name}", fix=fix)

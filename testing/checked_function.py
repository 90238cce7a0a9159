"""CheckedFunction: a function of Variables as one of tensors, for numeric derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.core.grad_mode import enable_grad
from plugrad.core.variable import Variable
from plugrad.errors import GradcheckArgumentError
from plugrad.testing.flat import flat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor


class CheckedFunction:
    """A function and the Variables whose gradients are checked.

    At other points it is called with other ``data`` in these very Variables, so that it may
    reach them in any way: as arguments, in a closure, or as parameters of a module.

    Args:
        call: calls the function on its arguments.
        named: the Variables, and what messages call them.
        output_names: what messages call its outputs; by default by their positions.
    """

    def __init__(
        self,
        call: Callable[[], Any],
        named: dict[Variable, str],
        output_names: Sequence[str] | None = None,
    ) -> None:
        self._function, self._all_names = call, output_names
        self.variables, self.input_names = list(named), list(named.values())
        self._differentiable: list[int] = []

    @classmethod
    def of(cls, fn: Callable[..., Any], inputs: Any) -> CheckedFunction:
        """``fn`` on ``inputs``, with respect to each Variable there that requires grad.

        Raises:
            GradcheckArgumentError: none does.
        """
        arguments = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
        named: dict[Variable, str] = {}
        for position, argument in enumerate(arguments):
            for variable, name in _variables(argument, f"input {position}"):
                if variable.requires_grad:
                    named.setdefault(variable, name)
        if not named:
            raise GradcheckArgumentError(
                "no input requires grad, so there is no gradient to check",
                where=f"{len(arguments)} inputs",
                fix="make an input with plugrad.Variable(tensor, requires_grad=True)",
            )
        return cls(lambda: fn(*arguments), named)

    @property
    def values(self) -> list[Tensor]:
        """The Variables' tensors."""
        return [v.data for v in self.variables]

    @property
    def output_names(self) -> list[str]:
        """What the outputs that require grad are called."""
        names = self._all_names
        return [f"output {i}" if names is None else names[i] for i in self._differentiable]

    def __call__(self) -> list[Variable]:
        """The outputs that require grad, with a graph."""
        outputs = self._call()
        self._differentiable = [
            i for i, o in enumerate(outputs) if isinstance(o, Variable) and o.requires_grad
        ]
        return [outputs[i] for i in self._differentiable]

    def tensors(self, values: Sequence[Tensor]) -> list[Tensor]:
        """The same outputs' tensors, at other values of the Variables."""
        outputs = self._at(values)
        return [outputs[i].data for i in self._differentiable]

    def all_tensors(self, values: Sequence[Tensor]) -> list[Tensor]:
        """The tensors of all outputs of a floating dtype, whether they require grad or not."""
        tensors = [o.data for o in self._at(values) if isinstance(o, Variable)]
        return [t for t in tensors if t.is_floating_point() or t.is_complex()]

    def _call(self) -> list[Any]:
        with enable_grad():
            return flat(self._function())

    def _at(self, values: Sequence[Tensor]) -> list[Any]:
        before = self.values
        try:
            for variable, value in zip(self.variables, values, strict=True):
                variable.data = value
            return self._call()
        finally:
            for variable, value in zip(self.variables, before, strict=True):
                variable.data = value


def _variables(value: Any, name: str) -> Iterator[tuple[Variable, str]]:
    if isinstance(value, Variable):
        yield value, name
    elif isinstance(value, tuple | list):
        for i, item in enumerate(value):
            yield from _variables(item, f"{name}[{i}]")

"""CheckedFunction: what gradcheck checks, called at other values of its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.counted import counted
from plugrad.core.grad_mode import enable_grad
from plugrad.core.variable import Variable
from plugrad.errors import GradcheckArgumentError, GradcheckOutputsError
from plugrad.testing.call import flat
from plugrad.testing.sparse import is_sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class CheckedFunction:
    """A function and the Variables whose gradients are checked.

    At other points it is called with other ``data`` in these very Variables, so that it may
    reach them in any way: as arguments, in a closure, or as parameters of a module.

    Args:
        call: calls the function on its arguments, with other Variables instead of those in
            the dict that it is given.
        named: the Variables, and what messages call them.
        output_names: what messages call its outputs; by default by their positions.
    """

    def __init__(
        self,
        call: Callable[[dict[Variable, Variable]], Any],
        named: dict[Variable, str],
        output_names: Sequence[str] | None = None,
    ) -> None:
        self._function, self._all_names = call, output_names
        self.variables, self.input_names = list(named), list(named.values())
        self._differentiable: list[int] = []
        #: Of the first call: how many outputs it gave, what kind each is, and at which values.
        self._kinds: list[Any] = []
        self._at_first: list[Tensor] = []

    @classmethod
    def of(cls, fn: Callable[..., Any], inputs: Any) -> CheckedFunction:
        """``fn`` on ``inputs``, with respect to each Variable there that requires grad.

        Raises:
            GradcheckArgumentError: none does, or one is sparse.
        """
        arguments = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
        named: dict[Variable, str] = {}
        for position, argument in enumerate(arguments):
            for variable, name in _variables(argument, f"input {position}"):
                if variable.requires_grad:
                    named.setdefault(variable, name)
        if not named:
            raise GradcheckArgumentError(
                "gradcheck expects at least one input tensor to require gradient, but no input "
                "requires grad",
                where=counted(len(arguments), "input"),
                fix="make an input with plugrad.Variable(tensor, requires_grad=True)",
            )
        for variable, name in named.items():
            if is_sparse(variable):
                raise GradcheckArgumentError(
                    f"{name} is sparse: its elements cannot be moved one by one",
                    where=f"a Variable of layout {variable.layout}",
                    fix="check the function of its values: lambda values: fn("
                    "plugrad.ops.sparse_coo_tensor(indices, values, size))",
                )
        return cls(lambda given: fn(*_instead(arguments, given)), named)

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
        """The outputs that require grad, with a graph; later calls must give the like.

        Raises:
            GradcheckArgumentError: the function gives neither Variables nor numbers.
        """
        outputs = self._call()
        # Gradients may all be None.
        numbers = [o for o in outputs if isinstance(o, Variable | Tensor | float | complex)]
        if outputs and not numbers and self._all_names is None:
            raise GradcheckArgumentError(
                f"the function returns {_told(_kind(outputs[0]))}, so there is nothing to check",
                fix="return a Variable, or a tuple or list of them",
            )
        self._kinds, self._at_first = [_kind(o) for o in outputs], self.values
        self._differentiable = [
            i for i, o in enumerate(outputs) if isinstance(o, Variable) and o.requires_grad
        ]
        return [outputs[i] for i in self._differentiable]

    def again(self, given: dict[Variable, Variable] | None = None) -> list[Variable]:
        """The same outputs of another call, in which the Variables may have other values.

        Args:
            given: Variables instead of those in the arguments.

        Raises:
            GradcheckOutputsError: their number, or the shape or dtype of one, is another.
        """
        outputs = self._call(given)
        self._compare(outputs, self._differentiable)
        return [outputs[i] for i in self._differentiable]

    def tensors(self, values: Sequence[Tensor]) -> list[Tensor]:
        """The same outputs' tensors, at other values of the Variables.

        Raises:
            GradcheckOutputsError: as ``again``.
        """
        return self._at(values, self._differentiable)

    def all_tensors(self, values: Sequence[Tensor]) -> list[Tensor]:
        """All outputs of a floating dtype, whether they require grad or not, as tensors.

        Raises:
            GradcheckOutputsError: as ``again``.
        """
        return self._at(values, [i for i, kind in enumerate(self._kinds) if _is_floating(kind)])

    def _call(self, given: dict[Variable, Variable] | None = None) -> list[Any]:
        with enable_grad():
            return flat(self._function(given or {}))

    def _at(self, values: Sequence[Tensor], which: Sequence[int]) -> list[Tensor]:
        before = self.values
        try:
            for variable, value in zip(self.variables, values, strict=True):
                variable.data = value
            outputs = self._call()
            self._compare(outputs, which)
            # Here, since an output may be an input, whose values are put back.
            return [_tensor(outputs[i]) for i in which]
        finally:
            for variable, value in zip(self.variables, before, strict=True):
                variable.data = value

    def _compare(self, outputs: Sequence[Any], which: Sequence[int]) -> None:
        if len(outputs) != len(self._kinds):
            raise self._changed(
                "the number of outputs changes", str(len(self._kinds)), str(len(outputs))
            )
        for i in which:
            kind, other = self._kinds[i], _kind(outputs[i])
            if kind != other:
                name = f"output {i}" if self._all_names is None else self._all_names[i]
                raise self._changed(f"{name} changes", _told(kind), _told(other))

    def _changed(self, what: str, before: str, now: str) -> GradcheckOutputsError:
        return GradcheckOutputsError(
            f"{what} {self._moved()}: {before} becomes {now}",
            fix="check the function at inputs near which its outputs keep their number, shapes "
            "and dtypes: elsewhere it has no derivative",
        )

    def _moved(self) -> str:
        """Which element differs from the first call's, and by how much."""
        for name, first, now in zip(self.input_names, self._at_first, self.values, strict=True):
            distance = (now.detach() - first.detach()).abs()
            moved = distance.nonzero().tolist()
            if len(moved) == 1:
                index = f"[{', '.join(map(str, moved[0]))}]" if moved[0] else ""
                return f"when {name}{index} is moved by {float(distance.max()):.1g}"
            if moved:
                return f"when {name} is moved by up to {float(distance.max()):.1g}"
        return "from one call to the next"


def _tensor(output: Any) -> Tensor:
    """A Variable's tensor, a tensor itself, or that of a number."""
    tensor: Tensor = output.data if isinstance(output, Variable) else torch.as_tensor(output)
    return tensor.detach()


def _kind(output: Any) -> tuple[Any, ...]:
    """What stays: the type of an output, and a shape and a dtype if it has them."""
    if isinstance(output, Variable | Tensor):
        # A Variable of forward mode is of another class, but is one.
        kind = "Variable" if isinstance(output, Variable) else type(output).__name__
        return kind, tuple(output.shape), output.dtype
    if isinstance(output, float | complex):
        return type(output).__name__, (), torch.as_tensor(output).dtype
    return type(output).__name__, None, None


def _is_floating(kind: tuple[Any, ...]) -> bool:
    dtype = kind[2]
    return dtype is not None and (dtype.is_floating_point or dtype.is_complex)


def _told(kind: tuple[Any, ...]) -> str:
    name, shape, dtype = kind
    if name != "Variable":
        return f"a {name}"
    return f"{str(dtype).removeprefix('torch.')}{list(shape)}"


def _instead(value: Any, given: dict[Variable, Variable]) -> Any:
    """The arguments with some Variables replaced, also in lists and tuples."""
    if isinstance(value, Variable):
        return given.get(value, value)
    if not given or not isinstance(value, tuple | list):
        return value
    items = [_instead(item, given) for item in value]
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def _variables(value: Any, name: str) -> Iterator[tuple[Variable, str]]:
    if isinstance(value, Variable):
        yield value, name
    elif isinstance(value, tuple | list):
        for i, item in enumerate(value):
            yield from _variables(item, f"{name}[{i}]")

"""jacrev, jacfwd, hessian: all the first or second derivatives of a function."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from torch.utils._pytree import tree_flatten, tree_unflatten

from plugrad.errors import TransformError
from plugrad.func.arguments import check_differentiable, chosen, replaced, split_aux
from plugrad.functional.basis import by_columns, by_rows
from plugrad.functional.levels import Level, flat_variables, recording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.func.arguments import Argnums


def jacrev(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """The Jacobian of ``func`` by reverse mode, one row for each element of the output.

    ``torch.func.jacrev``: the rows are computed in one batch, by vmap over backward.

    Args:
        func: a function of real tensors.
        argnums: the arguments to differentiate with respect to.
        has_aux: ``func`` returns ``(output, aux)``, and the result is ``(Jacobian, aux)``.
        chunk_size: compute that many rows at a time; 1 is a loop, for rules that vmap cannot map.

    Returns: A function whose result has the structure of the output, each element in the
        structure of the argument (for several arguments, a tuple), of shape
        ``(*output.shape, *input.shape)``.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise TransformError(
            "jacrev: `chunk_size` should be greater than 0.",
            where="a call of jacrev",
            fix="pass a positive int, or None for all rows at once",
        )

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        call = _Call("jacrev", func, argnums, has_aux, args, kwargs)
        check_differentiable("jacrev", call.outputs)
        return call.result(by_rows(call.level, call.outputs, call.inputs, chunk_size))

    return jacobian


def jacfwd(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """The Jacobian of ``func`` by forward mode, one column for each element of the input.

    ``torch.func.jacfwd``, for functions with more outputs than inputs.

    Args:
        func: as for ``jacrev``.
        argnums: as for ``jacrev``.
        has_aux: as for ``jacrev``.
        randomness: torch's; ``func`` is called once, so a random op draws the same for all columns.
    """
    if randomness not in ("error", "different", "same"):
        raise TransformError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}",
            where="a call of jacfwd",
            fix="leave it out: the function is called once, for all columns",
        )

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        call = _Call("jacfwd", func, argnums, has_aux, args, kwargs)
        return call.result(by_columns(call.level, call.outputs, call.inputs))

    return jacobian


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The second derivatives of ``func``: ``jacfwd(jacrev(func))``, as ``torch.func.hessian``."""
    return jacfwd(jacrev(func, argnums), argnums)


class _Call:
    """One call of a function whose Jacobian is wanted."""

    def __init__(
        self,
        name: str,
        func: Callable[..., Any],
        argnums: Argnums,
        has_aux: bool,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.argnums, self.has_aux = argnums, has_aux
        self.level = level = Level(name, args, kwargs)
        with recording():
            inner = level.enter(chosen(args, argnums, name))
            self.inputs, self.in_spec = tree_flatten(inner)
            _refuse_complex(name, "inputs", self.inputs)
            output = func(*replaced(args, inner, argnums), **kwargs)
            output, aux = split_aux(name, output) if has_aux else (output, None)
            self.outputs, self.out_spec = flat_variables(output, name, "what f returns")
            _refuse_complex(name, "outputs", self.outputs)
        self.aux = aux

    def result(self, jacobian: list[list[Any]]) -> Any:
        """The Jacobian of each output with respect to each input, in their structures."""
        rows = [tree_unflatten(row, self.in_spec) for row in jacobian]
        found = self.level.leave(tree_unflatten(rows, self.out_spec))
        return (found, self.level.leave(self.aux)) if self.has_aux else found


def _refuse_complex(name: str, what: str, values: Sequence[Any]) -> None:
    for index, value in enumerate(values):
        if value.dtype.is_complex:
            raise TransformError(
                f"{name}: Expected all {what} to be real but received complex tensor at flattened "
                f"input idx: {index}",
                where=f"a call of {name}",
                fix="use pg.func.vjp or pg.func.jvp, or split with torch.view_as_real",
            )

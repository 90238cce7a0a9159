"""What is batched inside torch.vmap, taken apart into whole batches outside it, and put back.

A batched tensor may belong to several maps. Here one of them is left. Those inside it cannot stay,
so they are left as well: what is computed outside is mapped again, around their dimensions.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch._functorch.pyfunctorch import retrieve_current_functorch_interpreter

from plugrad.functional.batching import Batch, live_levels
from plugrad.functional.levels import recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_functorch: Any = torch._C._functorch
Dims = list[int | None]


def live_level(level: int) -> Callable[[], int]:
    """What tells, later, at which level of torch.vmap the batch is that is now at ``level``."""
    batch = next((key for key, at in live_levels().items() if at == level), None)
    return lambda: live_levels().get(batch, level)


@contextmanager
def lowered(level: int) -> Iterator[None]:
    """Outside that level of torch.vmap, and recording."""
    with ExitStack() as stack:
        while _functorch.maybe_current_level() is not None and (
            _functorch.maybe_current_level() >= level
        ):
            stack.enter_context(retrieve_current_functorch_interpreter().lower())
        stack.enter_context(recording())
        yield


def apart(value: Any, level: int) -> tuple[Any, int | None, list[int]]:
    """A batched tensor as a whole batch, the dimension of ``level`` in it, and the levels inside.

    If there are any, their dimensions come first, and that of ``level`` is counted without them.
    """
    dim: int | None = None
    between: list[int] = []
    while isinstance(value, Tensor) and _functorch.is_batchedtensor(value):
        at = _functorch.maybe_get_level(value)
        if at < level:
            break
        place, value = _functorch.maybe_get_bdim(value), _functorch.get_unwrapped(value)
        if at > level:
            value, between = value.movedim(place, 0), [at, *between]
        elif between:
            value, dim = value.movedim(place, len(between)), 0
        else:
            dim = place
    return value, dim, between


def batch_of_all(value: Any, dim: int | None, size: int, before: int = 0) -> tuple[Any, int]:
    """A tensor with a dimension of samples, after so many others, if it has none."""
    if dim is not None:
        return value, dim
    shape = list(value.shape)
    return value.unsqueeze(before).expand(*shape[:before], size, *shape[before:]), 0


class Parts(NamedTuple):
    """Whole batches: their tensors, the dimensions of one level, and the levels inside it."""

    tensors: list[Any]
    dims: Dims
    #: Those of each tensor, and all of them, from the outermost.
    levels: list[list[int]]
    between: list[int]

    def around(
        self, program: Callable[..., tuple[list[Any], Dims]], values: list[Any], name: str
    ) -> tuple[list[Any], Dims]:
        """What ``program`` returns for the values in place of the tensors, mapped over levels."""
        return self._around(program, values, name, self.between)

    def _around(
        self, program: Any, values: list[Any], name: str, between: list[int]
    ) -> tuple[list[Any], Dims]:
        if not between:
            return program(values, self.dims)  # type: ignore[no-any-return]
        mapped = [i for i, levels in enumerate(self.levels) if between[0] in levels]
        dims: Dims = []

        def sample(inner: list[Any]) -> list[Any]:
            given = list(values)
            for i, value in zip(mapped, inner, strict=True):
                given[i] = value
            found, dims[:] = self._around(program, given, name, between[1:])
            return found

        found = Batch(name, "same").call(sample, [values[i] for i in mapped], [0] * len(mapped))
        return found, dims

    def back(self, value: Any, dim: int | None, level: int) -> Any:
        """A result as it is inside torch.vmap."""
        if value is None:
            return None
        count = len(self.between)
        if dim is not None:
            place = count + dim % (value.dim() - count)
            value = _functorch._add_batch_dim(value, place, level)
        for at in self.between:
            value = _functorch._add_batch_dim(value, 0, at)
        return value


def together(
    found: Sequence[tuple[Any, int | None, list[int]]], needed: Sequence[bool], size: int
) -> Parts:
    """The parts of several tensors; those needed are whole batches of all levels.

    So each sample has a gradient of its own.
    """
    sizes = {at: t.shape[i] for t, _, levels in found for i, at in enumerate(levels)}
    between = sorted(sizes)
    tensors, dims, of_each = [], [], []
    for (tensor, dim, levels), need in zip(found, needed, strict=True):
        if need:
            for i, at in enumerate(between):
                if at not in levels:
                    tensor = batch_of_all(tensor, None, sizes[at], i)[0]
            tensor, dim = batch_of_all(tensor, dim, size, len(between))
            levels = between
        tensors.append(tensor)
        dims.append(dim)
        of_each.append(levels)
    return Parts(tensors, dims, of_each, between)

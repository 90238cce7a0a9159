"""vmap: torch.vmap's arguments, handled before and after a Batch is computed."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor
from torch._functorch.vmap import _check_out_dims_is_int_or_int_pytree, _process_batched_inputs
from torch.utils._pytree import (
    _broadcast_to_and_flatten,
    tree_flatten,
    tree_leaves,
    tree_map,
    tree_unflatten,
)

from plugrad.core.variable import Variable
from plugrad.errors import VmapError
from plugrad.functional import own_vmap as _own_vmap  # noqa: F401 (so that it is called)
from plugrad.functional.batching import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_functorch: Any = torch._C._functorch


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Map ``func``, written for one sample, over a dimension of its arguments.

    ``torch.func.vmap`` on Variables and tensors: the kernels run once, on the whole batch.
    Gradients of any order flow through it to the mapped arguments and to what ``func`` closes over.

    Args:
        func: a function of tensors or Variables, which may be in lists, tuples and dicts.
        in_dims: which dimension of each argument is mapped over, None for none of them: an int for
            all, or a tuple with the structure of the arguments.
        out_dims: where the mapped dimension is in each output; None for an output that does not
            depend on a mapped argument, to return it as it is.
        randomness: what a random op in ``func`` does: ``"error"``, ``"different"`` for each sample,
            or the ``"same"`` for all of them.
        chunk_size: compute that many samples at a time.

    Raises:
        VmapError: the arguments do not fit, or an op in ``func`` cannot be mapped, because it
            depends on values (``x.item()``, an ``if``), for example.
    """
    if randomness not in ("error", "different", "same"):
        raise VmapError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}",
            where="a call of vmap",
            fix="pass one of them",
        )
    if chunk_size is not None and not (isinstance(chunk_size, int) and chunk_size > 0):
        raise VmapError(
            f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})",
            where="a call of vmap",
            fix="pass a positive int, or None for the whole batch at once",
        )

    @wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        call = _Call(func, in_dims, out_dims, randomness, args, kwargs)
        return call.result(chunk_size)

    return mapped


class _Call:
    """One call of a mapped function."""

    def __init__(
        self,
        func: Callable[..., Any],
        in_dims: Any,
        out_dims: Any,
        randomness: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.func, self.kwargs, self.randomness = func, kwargs, randomness
        self.name: str = getattr(func, "__name__", None) or type(func).__name__
        self.out_dims = out_dims
        self.flat, self.spec = tree_flatten(args)
        self.gives_variables = any(isinstance(v, Variable) for v in tree_leaves((args, kwargs)))
        raw = tree_map(lambda v: v._data if isinstance(v, Variable) else v, args)
        try:
            _check_out_dims_is_int_or_int_pytree(out_dims, func)
            self.size, dims, _, _ = _process_batched_inputs(in_dims, raw, func)
        except (TypeError, ValueError) as error:  # TypeError for a bool
            self._refuse(str(error))
        self.dims: list[int | None] = dims
        self.out_spec: Any = None
        #: Outputs that are returned as they are, by position.
        self.others: dict[int, Any] = {}

    @property
    def positions(self) -> list[int]:
        """Which of the flat arguments are mapped."""
        return [i for i, dim in enumerate(self.dims) if dim is not None]

    def result(self, chunk_size: int | None) -> Any:
        """What the function returns for the whole batch."""
        chunks = []
        state = torch.get_rng_state() if chunk_size and self.randomness == "same" else None
        for operands in self._chunks(chunk_size):
            if state is not None:
                torch.set_rng_state(state)
            chunks.append(self._batched(operands))
        found = chunks[0]
        if len(chunks) > 1:
            found = [
                None if parts[0] is None else torch.cat(parts)
                for parts in zip(*chunks, strict=True)
            ]
        dims = self._flat_out_dims()
        moved = [
            None if r is None else self._shown(r[0] if dim is None else self._moved(r, dim))
            for r, dim in zip(found, dims, strict=True)
        ]
        for i, value in self.others.items():
            moved[i] = value
        return tree_unflatten(moved, self.out_spec)

    def _chunks(self, chunk_size: int | None) -> Iterator[list[Any]]:
        whole = [self.flat[i] for i in self.positions]
        if chunk_size is None or chunk_size >= self.size:
            yield whole
            return
        for start in range(0, self.size, chunk_size):
            length = min(chunk_size, self.size - start)
            yield [
                torch.narrow(self.flat[i], self.dims[i], start, length)  # type: ignore[arg-type]
                for i in self.positions
            ]

    def _batched(self, operands: list[Any]) -> list[Any]:
        batch = Batch(self.name, self.randomness)
        dims = [d for d in self.dims if d is not None]
        return batch.call(self._of_a_sample, operands, dims)

    def _of_a_sample(self, inner: list[Any]) -> Sequence[Any]:
        flat = list(self.flat)
        for position, value in zip(self.positions, inner, strict=True):
            flat[position] = value
        output = self.func(*tree_unflatten(flat, self.spec), **self.kwargs)
        found, self.out_spec = tree_flatten(output)
        dims = self._flat_out_dims()
        for i, dim in enumerate(dims):
            if isinstance(found[i], Tensor | Variable):
                self._check_mapped(found[i], dim)
                if dim is None and not self.size:  # there is no sample to take it from
                    self.others[i], found[i] = self._shown(found[i]), None
            elif dim is None:
                self.others[i], found[i] = found[i], None
            else:
                self._refuse(
                    f"vmap({self.name}, ...): `{self.name}` must only return Tensors, got type "
                    f"{type(found[i])}",
                    "return tensors or Variables; or give that output None in out_dims, to get it "
                    "as it is",
                )
        return found

    def _check_mapped(self, value: Any, dim: int | None) -> None:
        data = value._data if isinstance(value, Variable) else value
        batched = dim is None and _functorch.is_batchedtensor(data)
        if batched and _functorch.maybe_get_level(data) == _functorch.maybe_current_level():
            self._refuse(
                f"vmap({self.name}, ...): `{self.name}` can not return a BatchedTensor when "
                "out_dim is None",
                "give that output a dimension in out_dims: it depends on a mapped argument",
            )

    def _flat_out_dims(self) -> list[int | None]:
        single = self.out_spec.is_leaf()
        dims = self.out_dims
        if single and isinstance(dims, tuple) and len(dims) == 1:
            dims = dims[0]
        flat = _broadcast_to_and_flatten(dims, self.out_spec)
        if flat is None:
            self._refuse(
                f"vmap({self.name}, ..., out_dims={self.out_dims})(<inputs>): out_dims is not "
                f"compatible with the structure of `outputs`. out_dims has structure "
                f"{tree_flatten(self.out_dims)[1]} but outputs has structure {self.out_spec}.",
                "give out_dims the structure of what the function returns, or one int",
            )
        return flat

    def _moved(self, result: Any, dim: int) -> Any:
        """A batch with its samples along ``dim``."""
        count = result.dim()
        if not -count <= dim < count:
            self._refuse(
                f"vmap({self.name}, ..., out_dims={self.out_dims}): Dimension out of range "
                f"(expected to be in range of [{-count}, {count - 1}], but got {dim})",
                "count the mapped dimension among those of the output",
            )
        return result.movedim(0, int(dim))

    def _shown(self, value: Any) -> Any:
        if self.gives_variables or not isinstance(value, Variable) or value.requires_grad:
            return Variable(value) if self.gives_variables and isinstance(value, Tensor) else value
        return value._data

    def _refuse(self, what: str, fix: str = "") -> NoReturn:
        raise VmapError(
            what,
            where=f"a call of vmap({self.name})",
            fix=fix
            or "give in_dims the structure of the arguments, an int for each tensor that is "
            "mapped over and None for everything else",
        )

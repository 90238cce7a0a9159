"""vmap: a function called once on a whole batch, by torch.vmap over the kernels.

Inside, a Variable's tensor is one of torch.vmap's batched ones, and the graph is that of
one sample. Outside, the call is one record. Its backward enters torch.vmap again and walks
the graph inside: the gradient of a mapped input is the batch of the samples' gradients; the
gradient of a Variable that the function closes over is their sum.
"""

from __future__ import annotations

from contextlib import nullcontext
from threading import local
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from plugrad.core.accumulate_grad import AccumulateGrad, edge_of
from plugrad.core.context import (
    Context,
    Packed,
    batched_seen,
    raise_changed,
    running,
    total_version,
    whole,
)
from plugrad.core.cotangent import Place, as_places
from plugrad.core.engine import run
from plugrad.core.function import Function
from plugrad.core.held import tensors_in
from plugrad.core.node import ends, next_sequence_number
from plugrad.core.recomputation import are_of_checkpoint
from plugrad.core.saved import top_saved_tensors_hooks
from plugrad.core.variable import Variable, plain, recorded
from plugrad.errors import GraphFreedError, VmapError
from plugrad.functional.mapping_errors import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugrad.core.node import Edge, Record

_functorch: Any = torch._C._functorch


class Batch:
    """A batch that a function is mapped over, and the graph of one sample of it.

    Args:
        name: the function's, for errors.
        randomness: torch.vmap's.
    """

    def __init__(self, name: str, randomness: str) -> None:
        if not batched_seen:
            batched_seen.append(True)
        self.name, self.randomness = name, randomness
        #: The records of mapped inputs: the Variable outside, and its dimension.
        self.mapped: dict[Record, tuple[Variable, int]] = {}
        #: The sequence numbers of the records inside, from and to.
        self.spans: list[tuple[int, int]] = []

    def call(
        self,
        function: Callable[[list[Any]], Sequence[Any]],
        operands: Sequence[Any],
        in_dims: Sequence[int],
    ) -> list[Any]:
        """``function`` of the operands' samples, its results with the batch as first dimension.

        Args:
            function: of a list; what it returns may have None in it, which stays.
            operands: tensors and Variables.
            in_dims: the dimension of each that is mapped over.
        """
        pinned = [_pinned(o) for o in operands]
        inside: list[Any] = []
        seals: list[_Seal] = []

        def sample(*batched: Tensor) -> tuple[Tensor, ...]:
            start = next_sequence_number()
            with _Inside(self):
                inner = [self._enter(*each) for each in zip(pinned, batched, in_dims, strict=True)]
                inside.extend(function(inner))
                for result in inside:  # a view whose memory was changed gets its record only now
                    if isinstance(result, Variable) and result.requires_grad:
                        edge_of(result)
                span = start, next_sequence_number()
                self.spans.append(span)
                self._check_unchanged(pinned, inner)
                seals.append(_Seal(self, inside))
                if not seals[0].places:
                    self.spans.remove(span)
            return tuple([_raw(r) for r in inside if r is not None])

        sample.__name__ = self.name
        mapped = torch.vmap(sample, in_dims=tuple(in_dims), randomness=self.randomness)
        try:
            with _kept_by_checkpoint():
                raw = mapped(*[_raw(p) for p in pinned])
        except RuntimeError as error:
            if (one_of_ours := named(error, self.name)) is None:
                raise
            raise one_of_ours from error
        found = iter(raw)
        whole_batches = [None if r is None else next(found) for r in inside]
        results: list[Any] = [
            plain(t) if isinstance(r, Variable) and t is not None else t
            for r, t in zip(inside, whole_batches, strict=True)
        ]
        seal = seals[0]
        if seal.places:
            tensors = [whole_batches[i] for i in seal.numbers]
            outputs = _Mapped.apply(seal.operands(), tensors, seal)
            for number, output in zip(seal.numbers, outputs, strict=True):
                results[number] = output
        return results

    def _enter(self, operand: Any, batched: Tensor, dim: int) -> Any:
        if not isinstance(operand, Variable):
            return batched
        inner = plain(batched)
        if operand.requires_grad and torch.is_grad_enabled():
            inner.requires_grad_()
            edge = edge_of(inner)
            assert edge is not None
            self.mapped[ends(edge)[0]] = (operand, dim)
        return inner

    def _check_unchanged(self, operands: Sequence[Any], inner: Sequence[Any]) -> None:
        for position, (outer, own) in enumerate(zip(operands, inner, strict=True)):
            if isinstance(own, Variable) and own.requires_grad and not own.is_leaf:
                raise VmapError(
                    f"{self.name} changed the mapped input {position} in place, by a value that "
                    "requires grad: outside vmap it would have the new values without their graph",
                    where=f"an input of shape {tuple(outer.shape)}",
                    fix="change a clone() of it in the function, and return that",
                )

    def is_inside(self, record: Record) -> bool:
        """Whether it is a record of one sample."""
        number = record._pg_sequence_number
        return any(start <= number <= end for start, end in self.spans)

    def level(self) -> int | None:
        """The level of torch.vmap at which this batch is being computed, None if it is not."""
        return live_levels().get(id(self))


class _Live(local):
    levels: dict[Any, int] | None = None


_live = _Live()


def live_levels() -> dict[Any, int]:
    """The levels of torch.vmap at which batches are being computed, by what identifies them."""
    if _live.levels is None:
        _live.levels = {}
    return _live.levels


class _Inside:
    """While a batch is computed: its level is the innermost of torch.vmap's."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __enter__(self) -> None:
        live_levels()[id(self.batch)] = _functorch.maybe_current_level()

    def __exit__(self, *_: object) -> None:
        del live_levels()[id(self.batch)]


def _kept_by_checkpoint() -> Any:
    """A checkpoint around keeps what is saved: computed again, it would be of another batch."""
    hooks = top_saved_tensors_hooks()
    around = hooks is not None and are_of_checkpoint(hooks)
    return saved_tensors_hooks(_same, _same) if around else nullcontext()


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _pinned(operand: Any) -> Any:
    """The operand with the edge that it has now."""
    edge = edge_of(operand) if isinstance(operand, Variable) else None
    return operand if edge is None else recorded(operand._data, edge)


def _raw(value: Any) -> Any:
    return value._data if isinstance(value, Variable) else value


# --- what leaves a batch -------------------------------------------------------------


class _Seal:
    """The graph of one sample, as it is kept after torch.vmap has ended."""

    def __init__(self, batch: Batch, results: Sequence[Any]) -> None:
        self.batch = batch
        self.numbers: list[int] = []
        self.places: list[Place] = []
        for number, result in enumerate(results):
            if isinstance(result, Variable) and result.requires_grad:
                self.numbers.append(number)
                place = as_places(result)[0]
                self.places.append(Place(place.edge, place.shape, place.dtype, None))
        #: Where the graph of one sample ends: at mapped inputs, and at what is outside.
        self.mapped: dict[Record, tuple[Variable, int]] = {}
        self.closed_over: dict[tuple[Record, int], Edge] = {}
        #: The records between.
        self.interior: list[Record] = []
        self._look([place.edge for place in self.places])

    def _look(self, edges: Sequence[Edge | None]) -> None:
        batch, seen = self.batch, set()
        stack = list(edges)
        while stack:
            edge = stack.pop()
            if edge is None:
                continue
            record, number = ends(edge)
            if record in batch.mapped:
                self.mapped[record] = batch.mapped[record]
            elif isinstance(record, AccumulateGrad) or not batch.is_inside(record):
                self.closed_over[record, number] = edge
            elif record not in seen:
                seen.add(record)
                self.interior.append(record)
                stack += record._pg_edges
        for record in self.interior:
            _keep(record, batch)

    def operands(self) -> list[Variable]:
        """A Variable outside for each end of the graph."""
        outside = [recorded(torch.empty(0), edge) for edge in self.closed_over.values()]
        return [*[operand for operand, _ in self.mapped.values()], *outside]

    def targets(self) -> list[Place]:
        """The ends of the graph, in the same order."""
        edges = [*self.mapped, *self.closed_over.values()]
        return [Place(e, e._pg_shape or (), e._pg_dtype, None) for e in edges]  # type: ignore[arg-type]

    def pull(
        self, gradients: Sequence[Any], needed: Sequence[bool], create_graph: bool
    ) -> list[Any]:
        """The gradient for each of the operands that need one, from those of the results."""
        given = [i for i, g in enumerate(gradients) if g is not None]
        places, targets = [self.places[i] for i in given], self.targets()
        outside = {record for record, _ in self.closed_over}
        if not given:
            return [None] * len(targets)

        def sample(cotangents: list[Any]) -> list[Any]:
            # All ends are targets: one may lead to another, and the gradient goes on outside.
            ways = True, create_graph, targets
            found = run(places, cotangents, *ways, cut=True, passed_on=outside)
            return [g if need else None for g, need in zip(found, needed, strict=True)]

        found = self.batch.call(sample, [gradients[i] for i in given], [0] * len(given))
        dims = [dim for _, dim in self.mapped.values()]
        for i, gradient in enumerate(found):
            if gradient is not None:
                found[i] = gradient.movedim(0, dims[i]) if i < len(dims) else gradient.sum(0)
        return found


class _Mapped(Function):
    """One call of a function on a batch."""

    owns_its_outputs = True

    @staticmethod
    def forward(
        ctx: Context, operands: list[Tensor], results: list[Tensor], seal: _Seal
    ) -> tuple[Tensor, ...]:
        ctx._pg_seal = seal
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Context, *gradients: Any) -> Any:
        seal: _Seal | None = ctx._pg_seal
        if seal is None:
            raise GraphFreedError(
                "Trying to backward through the graph a second time",
                where="backward of a call of vmap",
                fix="Specify retain_graph=True in the first backward, or run forward again",
            )
        create_graph = running.recorded_rule is not None
        if not (create_graph or running.walk is None or running.walk.keep):
            # Others may be walking the graph inside, so it is not freed but released.
            (ctx._pg_narrowed_from or ctx)._pg_seal = None
        return seal.pull(gradients, ctx.needs_input_grad[0], create_graph), None, None


def _keep(record: Record, batch: Batch) -> None:
    """Keep what a record inside saved as tensors of the whole batch: others end with torch.vmap."""
    for name, value in vars(record).items():
        if not name.startswith("_pg_") and any(_is_batched(t, batch) for t in tensors_in(value)):
            raise VmapError(
                f"{record._pg_op_name} sets the tensor ctx.{name}, which vmap cannot keep for "
                "backward",
                where=f"forward of {record._pg_op_name}",
                fix="use ctx.save_for_backward(...), and ctx.saved_tensors in backward",
            )
    seal = vars(record).get("_pg_seal")
    if seal is not None:  # of a vmap in this one
        for inner in seal.interior:
            _keep(inner, batch)
    for inner in vars(record).get("_pg_interior", ()):  # of a Function's own vmap
        _keep(inner, batch)
    saved = record._pg_saved
    if not saved:
        return
    entries = list(_entries(record, saved))
    if any(_is_batched(value, batch) for _, value in entries):
        record._pg_saved = Packed([_kept(entry, batch, record) for entry in entries])
        record._pg_special = True


def _entries(record: Record, saved: Any) -> Iterator[tuple[Any, Any]]:
    """Each saved value with its unpack function, which notices in-place changes."""
    if isinstance(saved, Packed):
        yield from saved
        return
    changed = total_version(saved) != record._pg_version
    for value in saved:
        yield (
            (_Checked(record, changed, whole(value)._version), value)
            if isinstance(value, Tensor)
            else (None, value)
        )


def _kept(entry: tuple[Any, Any], batch: Batch, record: Record) -> tuple[Any, Any]:
    unpack, value = entry
    if not _is_batched(value, batch):
        return entry
    dim, batch_of_all = _functorch.maybe_get_bdim(value), _functorch.get_unwrapped(value)
    if isinstance(unpack, _Checked):  # from here on the whole batch must not change
        unpack = _Checked(record, unpack.changed, None)
    version = whole(batch_of_all)._version
    return _Batched(batch, dim, version, unpack, record), batch_of_all


def _is_batched(value: Any, batch: Batch) -> bool:
    """Whether it is a tensor that is batched at the level of ``batch``."""
    return (
        isinstance(value, Tensor)
        and _functorch.is_batchedtensor(value)
        and _functorch.maybe_get_level(value) == batch.level()
    )


class _Checked:
    """Returns a saved tensor, if it is what was saved."""

    __slots__ = ("changed", "name", "version")

    def __init__(self, record: Record, changed: bool, version: int | None) -> None:
        self.name, self.changed, self.version = record._pg_op_name, changed, version

    def __call__(self, tensor: Tensor) -> Tensor:
        if self.changed or (self.version is not None and whole(tensor)._version != self.version):
            _raise_changed(self.name, tensor)
        return tensor


class _Batched:
    """Returns a saved tensor as a batched one again."""

    __slots__ = ("batch", "dim", "name", "unpack", "version")

    def __init__(self, batch: Batch, dim: int, version: int, unpack: Any, record: Record) -> None:
        self.batch, self.dim, self.version, self.unpack = batch, dim, version, unpack
        self.name = record._pg_op_name

    def __call__(self, all_samples: Tensor) -> Tensor:
        if whole(all_samples)._version != self.version:
            _raise_changed(self.name, all_samples)
        level = self.batch.level()
        if level is None:
            raise GraphFreedError(
                f"a Variable of one sample left {self.batch.name}, which vmap called, and was "
                "differentiated outside",
                where=f"backward of {self.name}",
                fix="return it from the function, and differentiate what vmap returns",
            )
        tensor: Tensor = _functorch._add_batch_dim(all_samples, self.dim, level)
        if self.unpack is not None:
            tensor = self.unpack(tensor)
        return tensor


def _raise_changed(name: str, tensor: Tensor) -> None:
    context = Context()
    context._pg_op_name = name
    raise_changed(context, (tensor,))

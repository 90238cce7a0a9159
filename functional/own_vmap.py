"""A Function's own vmap: called on whole batches, outside the level of torch.vmap that it maps.

Inside it is one record. Its backward does the same with the gradient of what the rule computed,
so that it, too, is computed from whole batches, and can be differentiated again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import torch
from torch import Tensor
from torch._functorch.pyfunctorch import retrieve_current_functorch_interpreter
from torch.utils._pytree import _broadcast_to_and_flatten, tree_flatten, tree_unflatten

from plugrad.core import own_vmap
from plugrad.core.accumulate_grad import AccumulateGrad
from plugrad.core.context import Context, running
from plugrad.core.cotangent import Place, as_places
from plugrad.core.engine import run
from plugrad.core.function import Function
from plugrad.core.node import ends, next_sequence_number
from plugrad.core.variable import Variable, plain
from plugrad.errors import VmapError
from plugrad.functional.levels import zeros_for
from plugrad.functional.lowered import Dims, apart, batch_of_all, live_level, lowered, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plugrad.core.node import Record
    from plugrad.core.own_vmap import Mapped

_functorch: Any = torch._C._functorch


class MapInfo(NamedTuple):
    """What a rule is told of the batch: torch's VmapInfo."""

    batch_size: int
    randomness: str


def call_inside(function: Mapped, args: tuple[Any, ...]) -> Any:
    """Call a Function that has a vmap of its own.

    Raises:
        VmapError: the rule does not return what it should, or uses a Variable that it is not given.
    """
    interpreter: Any = retrieve_current_functorch_interpreter()
    if interpreter.key() != _functorch.TransformType.Vmap:
        return function.plain(*args)
    flat, spec = tree_flatten(args)
    level = interpreter.level()
    if all(apart(_raw(value), level)[1] is None for value in flat):  # it is not of this level
        with interpreter.lower():
            return function.again(*args)
    if function.generated:
        _refuse(function.name, "has both generate_vmap_rule=True and a vmap", "keep one of them")
    info = MapInfo(interpreter.batch_size(), interpreter.randomness())
    program = _Rule(function, info, spec, flat, live_level(level))
    return program.outputs(_Lowered.apply([flat[i] for i in program.positions], program))


def _raw(value: Any) -> Any:
    return value._data if isinstance(value, Variable) else value


def _refuse(name: str, what: str, fix: str) -> NoReturn:
    raise VmapError(f"{name} {what}", where=f"vmap of {name}, a staticmethod of its own", fix=fix)


# --- what is computed from whole batches ---------------------------------------------


class _Rule:
    """The rule with its non-tensor arguments filled in: a function of whole batches."""

    def __init__(
        self, function: Mapped, info: MapInfo, spec: Any, flat: list[Any], level: Any
    ) -> None:
        self.function, self.info, self.level = function, info, level
        self.spec, self.flat = spec, flat
        self.positions = [i for i, v in enumerate(flat) if isinstance(v, Tensor | Variable)]
        self.out_spec: Any = None
        #: What it returns beside tensors, by position.
        self.others: dict[int, Any] = {}

    def __call__(self, values: Sequence[Any], dims: Dims) -> tuple[list[Any], Dims]:
        """The tensors that it returns, and the dimensions of the batch in them."""
        flat: list[Any] = list(self.flat)
        in_dims: list[int | None] = [None] * len(flat)
        for position, value, dim in zip(self.positions, values, dims, strict=True):
            flat[position], in_dims[position] = value, dim
        start = next_sequence_number()
        returned = self.function.rule(
            self.info, tree_unflatten(in_dims, self.spec), *tree_unflatten(flat, self.spec)
        )
        if not (isinstance(returned, tuple) and len(returned) == 2):
            _refuse(
                self.function.name,
                "has a vmap that was expected to have two returns: (output, out_dims)",
                "return the output, and the dimension of the batch in it",
            )
        found, self.out_spec = tree_flatten(returned[0])
        flat_dims = _broadcast_to_and_flatten(returned[1], self.out_spec)
        if flat_dims is None:
            _refuse(
                self.function.name,
                "has a vmap that returned an incompatible (output, out_dims) tuple: out_dims is "
                f"{returned[1]}, the output has the structure {self.out_spec}",
                "return out_dims in the structure of the output, or one int",
            )
        self.others = {i: v for i, v in enumerate(found) if not isinstance(v, Tensor | Variable)}
        kept = [i for i in range(len(found)) if i not in self.others]
        outputs = [found[i] for i in kept]
        self._check_closed(_between(map(_place, values), map(_place, outputs)), start)
        return outputs, [flat_dims[i] for i in kept]

    def _check_closed(self, records: Iterable[Record], start: int) -> None:
        """Refuse Variables that are not arguments: no gradient would reach them."""
        for record in records:
            if isinstance(record, AccumulateGrad) or record._pg_sequence_number < start:
                _refuse(
                    self.function.name,
                    "has a vmap that uses a Variable which requires grad and is no argument: it "
                    "would have no gradient",
                    "pass it to apply, as an argument of forward and of vmap",
                )

    def outputs(self, found: Sequence[Any]) -> Any:
        """What the Function returns for one sample."""
        rest, count = iter(found), self.out_spec.num_leaves
        flat = [self.others[i] if i in self.others else next(rest) for i in range(count)]
        return tree_unflatten(flat, self.out_spec)


class _Pulled:
    """The gradient of a program: a function of its operands and of the cotangents it is given."""

    def __init__(self, program: Any, needed: Sequence[bool], given: list[int]) -> None:
        self.program, self.needed, self.given = program, needed, given
        self.function, self.info, self.level = program.function, program.info, program.level

    def __call__(self, values: Sequence[Any], dims: Dims) -> tuple[list[Any], Dims]:
        count, size = len(self.needed), self.info.batch_size
        operands = zip(values, dims, self.needed, strict=False)
        batches = [batch_of_all(v, dim, size) if need else (v, dim) for v, dim, need in operands]
        inputs = [
            plain(v).requires_grad_() if need and not isinstance(v, Variable) else v
            for (v, _), need in zip(batches, self.needed, strict=True)
        ]
        in_dims = [dim for _, dim in batches]
        outputs, out_dims = self.program(inputs, in_dims)
        wanted = [v if need else None for v, need in zip(inputs, self.needed, strict=True)]
        graph = _Graph(wanted, in_dims, outputs, out_dims, size)
        create_graph = any(isinstance(v, Variable) for v in values)
        found, dims = graph.gradients(self.given, values[count:], dims[count:], create_graph)
        return zeros_for(found, [v for v in wanted if v is not None]), dims


class _Graph:
    """What a program recorded, of whole batches."""

    def __init__(
        self,
        inputs: Sequence[Any],
        in_dims: Dims,
        outputs: Sequence[Any],
        out_dims: Dims,
        size: int,
    ) -> None:
        self.in_dims, self.out_dims, self.size = in_dims, out_dims, size
        self.inputs = [_place(v) for v in inputs]
        self.outputs = [_place(v) for v in outputs]

    def gradients(
        self, given: Sequence[int], cotangents: Sequence[Any], dims: Dims, create_graph: bool
    ) -> tuple[list[Any], Dims]:
        """Those of the inputs that need one, and the dimensions of the batch in them."""
        targets = [place for place in self.inputs if place is not None]
        pairs = [
            (self.outputs[i], self._for_output(i, c, dim))
            for i, c, dim in zip(given, cotangents, dims, strict=True)
            if self.outputs[i] is not None
        ]
        roots: Any = [place for place, _ in pairs]
        found = run(roots, [c for _, c in pairs], True, create_graph, targets, cut=True)
        return found, [d for d, place in zip(self.in_dims, self.inputs, strict=True) if place]

    def _for_output(self, number: int, cotangent: Any, dim: int | None) -> Any:
        """A cotangent of all samples, in the shape of the output."""
        out_dim = self.out_dims[number]
        if out_dim is None:
            return cotangent.sum(dim) if dim is not None else cotangent * self.size
        batch, dim = batch_of_all(cotangent, dim, self.size)
        return batch.movedim(dim, out_dim)


def _between(inputs: Iterable[Place | None], outputs: Iterable[Place | None]) -> list[Record]:
    """The records from outputs up to inputs, without those of the inputs."""
    seen = {ends(place.edge)[0] for place in inputs if place is not None and place.edge}
    stack = [ends(p.edge)[0] for p in outputs if p is not None and p.edge is not None]
    found = []
    while stack:
        record = stack.pop()
        if record not in seen:
            seen.add(record)
            found.append(record)
            stack += [ends(edge)[0] for edge in record._pg_edges if edge is not None]
    return found


def _place(value: Any) -> Place | None:
    if not (isinstance(value, Variable) and value.requires_grad):
        return None
    place = as_places(value)[0]
    return Place(place.edge, place.shape, place.dtype, None)  # its memory need not be kept


# --- one call, from inside the map ---------------------------------------------------


class _Lowered(Function):
    """One call of a program of whole batches, from inside the map."""

    @staticmethod
    def forward(ctx: Context, operands: list[Tensor], program: Any) -> tuple[Tensor, ...]:
        flags = ctx.needs_input_grad[0] or (False,) * len(operands)
        outputs, graph, records = _computed(program, operands, flags)
        ctx._pg_lowered, ctx._pg_program, ctx._pg_interior = graph, program, records
        ctx.save_for_backward(*operands)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*[t for t, tracked in outputs if not tracked])
        return tuple([t for t, _ in outputs])

    @staticmethod
    def backward(ctx: Context, *gradients: Any) -> Any:
        operands = ctx.saved_tensors  # raises, if they have been freed
        given = [i for i, g in enumerate(gradients) if g is not None]
        flags: Sequence[bool] = ctx.needs_input_grad[0]
        cotangents = [gradients[i] for i in given]
        pulled = _Pulled(ctx._pg_program, flags, given)
        graph: _Graph | None = ctx._pg_lowered
        if not (running.walk is None or running.walk.keep):
            whole = ctx._pg_narrowed_from or ctx
            whole._pg_lowered, whole._pg_interior = None, ()
        if running.recorded_rule is not None:
            found = _Lowered.apply([*operands, *cotangents], pulled)
        elif graph is None or _functorch.maybe_current_level() != _level(pulled):
            flat = [*operands, *cotangents]
            found = [t for t, _ in _computed(pulled, flat, (False,) * len(flat))[0]]
        else:
            return _from_graph(graph, pulled, cotangents), None
        rest = iter(found)
        return [next(rest) if needed else None for needed in flags], None


def _level(program: Any) -> int:
    level: int = program.level()
    return level


def _computed(
    program: Any, operands: Sequence[Tensor], flags: Sequence[bool]
) -> tuple[list[tuple[Tensor, bool]], _Graph | None, list[Record]]:
    """The results, each with whether it is differentiated; and the graph of whole batches.

    There is no graph if other levels are between, around which the program is mapped.
    """
    level, size = _level(program), program.info.batch_size
    parts = together([apart(t, level) for t in operands], flags, size)
    outer, running.recorded_rule = running.recorded_rule, None
    try:
        with lowered(level):
            inputs = [
                plain(t).requires_grad_() if needed else t
                for t, needed in zip(parts.tensors, flags, strict=True)
            ]
            outputs, dims = parts.around(program, inputs, program.function.name)
            graph = _Graph(inputs, parts.dims, outputs, dims, size)
    finally:
        running.recorded_rule = outer
    records = _between(graph.inputs, graph.outputs)
    wrapped = [parts.back(_raw(v), dim, level) for v, dim in zip(outputs, dims, strict=True)]
    tracked = [place is not None for place in graph.outputs]
    return list(zip(wrapped, tracked, strict=True)), None if parts.between else graph, records


def _from_graph(graph: _Graph, pulled: _Pulled, cotangents: Sequence[Tensor]) -> list[Any]:
    level = _level(pulled)
    parts = together([apart(t, level) for t in cotangents], (False,) * len(cotangents), 0)
    with lowered(level):
        found, dims = graph.gradients(pulled.given, parts.tensors, parts.dims, False)
    shown = iter([parts.back(g, dim, level) for g, dim in zip(found, dims, strict=True)])
    return [None if place is None else next(shown) for place in graph.inputs]


own_vmap.call_inside[:] = [call_inside]

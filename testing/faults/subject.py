"""Subject: an op that faults are injected into, and what its samples say about it."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.call import flat
from plugrad.testing.case import Case
from plugrad.testing.faults.contexts import contexts_of
from plugrad.testing.sparse import is_sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.op_under_test import OpUnderTest


class Place:
    """Where one edge of a node comes from: an argument, or an item of a list argument."""

    __slots__ = ("item", "name", "position")

    def __init__(self, name: str, position: int, item: int | None) -> None:
        self.name, self.position, self.item = name, position, item


class Probe:
    """One sample of the op that has a node.

    Args:
        case: the sample.
        call: a call of it.
    """

    def __init__(self, case: Case, call: Call) -> None:
        self.case, self.call = case, call
        self.node = call.node
        assert self.node is not None
        self.contexts = contexts_of(case.op.function)
        self.context = self.contexts.of(call)

    @cached_property
    def places(self) -> list[Place]:
        """The place of every edge that leads somewhere."""
        differentiable = self.contexts.differentiable(self.context)
        edges = zip(self._all_places(), differentiable, strict=False)
        return [place for place, takes in edges if takes]

    def input_index(self, name: str) -> int | None:
        """Which of the case's inputs the place ``name`` is, if it is one with a gradient."""
        differentiable = self.contexts.differentiable(self.context)
        edges = zip(self._all_places(), differentiable, self.case.edge_inputs, strict=False)
        return next((i for place, takes, i in edges if takes and place.name == name), None)

    def _all_places(self) -> list[Place]:
        """A place for every edge."""
        lengths = self.contexts.list_lengths(self.context)
        names = self.contexts.positional(self.case.op.function)
        return [
            Place(place_name(names, position, item), position, item)
            for position, length in enumerate(lengths)
            for item in ([None] if length is None else range(length))
        ]


def place_name(names: Sequence[str], position: int, item: int | None) -> str:
    """The name of a place: forward's for the argument, with an index in a list."""
    name = names[position] if position < len(names) else f"argument {position}"
    return name if item is None else f"{name}[{item}]"


class Subject:
    """An op, its samples and their calls.

    Args:
        op: the op.
    """

    def __init__(self, op: OpUnderTest) -> None:
        self.op, self.function = op, op.function
        self.contexts, self.engine = contexts_of(op.function), op.engine

    @property
    def rule(self) -> Callable[..., Any]:
        """Backward itself."""
        return self.contexts.rule(self.function)

    def reseeded(self, seed: int) -> Subject:
        """The same op with the samples of another seed."""
        return Subject(self.op.reseeded(seed))

    @cached_property
    def cases(self) -> list[Case]:
        """The samples."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [Case(self.op, s, i) for i, s in enumerate(self.op.samples())]

    @cached_property
    def probes(self) -> list[Probe]:
        """The samples that have a gradient."""
        return [p for p in map(probe, self.cases) if p is not None]

    @cached_property
    def names(self) -> list[str]:
        """The places that get a gradient in some sample.

        Only the first two of a list, or of arguments without a name, count.
        """
        every = dict.fromkeys((p.name, _early(p)) for b in self.probes for p in b.places)
        nameless = [name for name, early in every if early and name.startswith("argument ")]
        return [name for name, early in every if early and name not in nameless[2:]]

    def with_input(self, name: str) -> Iterator[tuple[Probe, int]]:
        """The samples where ``name`` gets a gradient, and which input it is."""
        for found in self.probes:
            index = found.input_index(name)
            if index is not None:
                yield found, index


def _early(place: Place) -> bool:
    return place.item is None or place.item < 2


def probe(case: Case) -> Probe | None:
    """A call of the sample; None if it raises or nothing is recorded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call = case.call()
            return None if call.node is None else Probe(case, call)
    except Exception:
        return None


def moved(found: Probe, index: int, move: Callable[[Tensor], Tensor]) -> Case:
    """The same sample with input ``index`` changed by ``move``."""
    values = found.case.values
    values[index] = move(values[index])
    return found.case.replaced(values)


def gradients(case: Case, order: int = 1, scale: float = 1.0) -> list[Any] | None:
    """The gradients of a call, or their derivatives; None if it raises.

    Args:
        case: the call.
        scale: what the cotangents are multiplied with.
        order: 1 for the gradients of random cotangents; 2 for the gradients of those, in
            inputs and cotangents.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call = case.call()
            if not call.roots:
                return [None] * len(case.inputs)
            if order == 1:
                return call.vjp([c * scale for c in call.cotangents()])
            return _second(call)
    except Exception:
        return None


def _second(call: Call) -> list[Any]:
    from plugrad.testing.shared import random_like

    engine = call.engine
    cotangents = [engine.leaf(c, True) for c in call.cotangents()]
    first = call.vjp(cotangents, create_graph=True)
    wanted = [v for v in call.variables if engine.is_tracked(v)]
    roots = [g for g in first if engine.is_tracked(g)]
    targets = [*wanted, *cotangents]
    if not roots:
        return [*flat([engine.raw(g) for g in first]), *[None] * len(targets)]
    generator = call.case.generator(7)
    again = [random_like(g.data, generator) for g in roots]
    second = engine.grad(roots, again, targets)
    return [*[engine.raw(g) for g in first], *second]


def moved_everywhere(found: Probe) -> Iterator[Case]:
    """The same sample with other values in all inputs that get a gradient."""
    for factor, shift in ((1.0, 0.0), (-1.0, -0.3), (1.7, 0.1), (10.0, 0.0)):
        values = [
            v * factor + shift if found.case.inputs[i].differentiable else v
            for i, v in enumerate(found.case.values)
        ]
        yield found.case.replaced(values)


def same(expected: Sequence[Any] | None, got: Sequence[Any] | None) -> bool:
    """Whether two lists of gradients agree bit for bit; None counts as zeros.

    A nan is any other, and in complex numbers any infinity too.
    """
    return _all_same(expected, got, _nowhere)


def same_where_finite(expected: Sequence[Any] | None, got: Sequence[Any] | None) -> bool:
    """The same, but nan and infinity count as equal: an infinity times a number may be nan."""
    return _all_same(expected, got, _not_finite)


def _all_same(
    expected: Sequence[Any] | None,
    got: Sequence[Any] | None,
    nowhere: Callable[[Tensor], Tensor],
) -> bool:
    if expected is None or got is None:
        return expected is got
    pairs = zip(expected, got, strict=False)
    return len(expected) == len(got) and all(_same(e, g, nowhere) for e, g in pairs)


def _same(expected: Any, got: Any, nowhere: Callable[[Tensor], Tensor]) -> bool:
    if expected is None or got is None:
        other = got if expected is None else expected
        return other is None or not bool(other.any())
    if expected.shape != got.shape or expected.dtype is not got.dtype:
        return False
    expected, got = (t.to_dense() if is_sparse(t) else t for t in (expected, got))
    if torch.equal(expected, got):
        return True
    if not (expected.is_floating_point() or expected.is_complex()):
        return False
    return not bool(((expected != got) & ~(nowhere(expected) & nowhere(got))).any())


def _nowhere(tensor: Tensor) -> Tensor:
    return _not_finite(tensor) if tensor.is_complex() else torch.isnan(tensor)


def _not_finite(tensor: Tensor) -> Tensor:
    return ~torch.isfinite(tensor.clone())  # what comes of a sparse complex one has no strides

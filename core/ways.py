"""Ways through the graph: which records edges lead to, and which of them lead to a wanted one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.core.accumulate_grad import AccumulateGrad
from plugrad.core.node import ends
from plugrad.errors import GradientShapeError, NoGraphError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from plugrad.core.cotangent import Place
    from plugrad.core.node import Edge, Record


def wanted_places(targets: Sequence[Place]) -> dict[Record, list[tuple[int, int]]]:
    """The outputs whose gradients are wanted, by record: each output's number, and its position.

    Raises:
        NoGraphError: one of them does not require grad.
    """
    wanted: dict[Record, list[tuple[int, int]]] = {}
    for position, target in enumerate(targets):
        if target.edge is None:
            raise NoGraphError(
                f"input {position} does not require grad",
                where=f"a Variable of shape {tuple(target.shape)}",
                fix="make it with requires_grad=True before the outputs are computed",
            )
        record, number = ends(target.edge)
        wanted.setdefault(record, []).append((number, position))
    return wanted


def refuse_outdated(targets: Sequence[Place], below: Collection[Record]) -> None:
    """Raise if a target got another shape or dtype after it was used in the graph.

    What arrives where it was is of the old one, and would be missing from its gradient.

    Raises:
        GradientShapeError: that is so.
    """
    for position, target in enumerate(targets):
        extra = None if target.variable is None else target.variable._extra
        for reference in getattr(extra, "outdated", ()):
            if reference() in below:
                raise GradientShapeError(
                    f"input {position} got the shape {tuple(target.shape)} and dtype "
                    f"{target.dtype} after it was used in this graph: its gradient would be of "
                    "another shape or dtype",
                    where="the leaf's .data was replaced, or a view of it taken in place",
                    fix="run forward again after the change, then backward",
                )


def records_at(places: Sequence[Place]) -> list[Record]:
    """The records whose outputs are at ``places``."""
    return [ends(place.edge)[0] for place in places if place.edge is not None]


def leading_to(wanted: set[Record], roots: list[Record], cut: bool = False) -> set[Record]:
    """The records below ``roots`` from which a wanted one can be reached by an edge.

    If ``cut``, the graph ends at those that are wanted. Sorted by age, every record comes after
    those its edges lead to.
    """
    through: set[Record] = set()
    found = records_below(roots, wanted) - wanted if cut else records_below(roots)
    for record in sorted(found, key=lambda r: r._pg_sequence_number):
        below = [ends(edge)[0] for edge in record._pg_edges if edge is not None]
        if any(r in wanted or r in through for r in below):
            through.add(record)
    return through


def records_below(roots: list[Record], ends_at: Collection[Record] = ()) -> set[Record]:
    """The records that edges lead to from ``roots``, which are among them."""
    seen, stack = set(roots), list(roots)
    while stack:
        record = stack.pop()
        for edge in () if record in ends_at else record._pg_edges:
            if edge is not None:
                record = ends(edge)[0]
                if record not in seen:
                    seen.add(record)
                    stack.append(record)
    return seen


def arrivals_at_leaves(roots: list[Edge], run: Collection[Record]) -> dict[Record, int]:
    """How many of these edges, and of those of the records that will run, lead to each leaf."""
    edges = [*roots, *(edge for record in run for edge in record._pg_edges)]
    coming: dict[Record, int] = {}
    for edge in edges:
        if isinstance(edge, AccumulateGrad):
            coming[edge] = coming.get(edge, 0) + 1
    return coming

"""Folds: what a large graph is folded to, modules first, and runs of steps where there are many.

Each fold is a run of steps in the order of forward (and leaves, from which nothing goes on), so a
graph of folds has no cycle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.drawing.graph import Graph
    from plugrad.drawing.step import Step

#: A fold with more inside than this is divided further, into so many parts of so many at least.
MOST, PARTS, LEAST = 80, 40, 20
#: So many boxes are shown at first, if folds make that possible.
AT_FIRST = 40
#: So many leaves that are no parameters are shown outside of all folds.
INPUTS = 12
_Path = tuple[str, ...]


@dataclass(slots=True)
class Fold:
    """Steps that are one box while it is closed."""

    name: str
    #: The class of the module; empty for a run of steps.
    kind: str
    #: The fold it is in; -1 if none.
    parent: int
    is_module: bool = True


def folds_by_names(
    steps: Sequence[Step], kind_of: Callable[[str], str]
) -> tuple[list[Fold], list[int]]:
    """A fold for each run of steps between which parameters of one module are used.

    For when forward was not watched. A step that uses ``encoder.linear.weight`` is of
    ``encoder.linear``; one that uses no parameter is of what the steps before and after it have in
    common.
    """
    order = sorted(range(len(steps)), key=lambda i: steps[i].sequence)
    owners = _owners(steps, order)
    inner = [i for i in order if not steps[i].is_leaf]
    paths = _paths(steps, inner, owners)
    folds: list[Fold] = []
    fold_of = [-1] * len(steps)
    opened, names = [-1], list[str]()
    for i, path in zip(inner, paths, strict=True):
        kept = len(_common(tuple(names), path))
        del names[kept:], opened[kept + 1 :]
        for part in path[kept:]:
            names.append(part)
            name = ".".join(names)
            folds.append(Fold(name, kind_of(name), opened[-1]))
            opened.append(len(folds) - 1)
        fold_of[i] = opened[-1]
    return folds, fold_of


def _owners(steps: Sequence[Step], order: Sequence[int]) -> list[_Path | None]:
    """For each step the module whose parameters it uses, or parameters prepared by other steps."""
    owners: list[_Path | None] = [None] * len(steps)
    prepared = [False] * len(steps)  # computed from parameters alone
    for i in order:
        step = steps[i]
        if step.is_leaf:
            module, dot, _ = step.name.rpartition(".")
            if dot:
                owners[i], prepared[i] = tuple(module.split(".")), True
            continue
        below = [e[0] for e in step.edges]
        paths = [owners[j] for j in below if prepared[j]]
        # An input without a gradient may be data; what a change of shape has besides are sizes.
        whole = len(below) == step.inputs or step.category == "shape"
        prepared[i] = whole and all(prepared[j] for j in below)
        for path in paths:
            assert path is not None
            owners[i] = path if owners[i] is None else _common(owners[i] or (), path)
    return owners


def _paths(
    steps: Sequence[Step], inner: Sequence[int], owners: Sequence[_Path | None]
) -> list[_Path]:
    """For each of the ``inner`` steps, which are in the order of forward, the module it is of."""
    paths: list[_Path] = []
    before: _Path = ()
    waiting: list[int] = []  # since the last one that uses a parameter
    for i in inner:
        own = owners[i]
        if own is None:
            waiting.append(i)
            continue
        paths += _between(steps, waiting, before, own)
        paths.append(own)
        before, waiting = own, []
    return paths + [()] * len(waiting)


def _between(
    steps: Sequence[Step], waiting: Sequence[int], before: _Path, after: _Path
) -> list[_Path]:
    common = _common(before, after)
    depth = len(common)
    if not _are_next_blocks(before[depth:], after[depth:]):
        return [common] * len(waiting)
    # No module is between the two, so each step is of the one that ends or the one that begins.
    # A block begins with a change of shape, and ends with a sum.
    begins = len(waiting)
    while begins and steps[waiting[begins - 1]].category == "shape":
        begins -= 1
    inside = [before[: depth + 1]] * begins
    return inside + [after[: depth + 1]] * (len(waiting) - begins)


def _are_next_blocks(before: _Path, after: _Path) -> bool:
    """Whether they are modules inside ``3`` and ``4``, of a list of larger modules."""
    if min(len(before), len(after)) < 2 or not (before[0].isdecimal() and after[0].isdecimal()):
        return False
    return int(after[0]) == int(before[0]) + 1


def _common(one: _Path, other: _Path) -> _Path:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return one[:count]


def fold_graph(graph: Graph, folds: list[Fold], fold_of: list[int], runs: bool = True) -> None:
    """Give ``graph`` its folds: those that are not empty; with ``runs`` more in those too large."""
    steps = graph.steps
    inner = [i for i, step in enumerate(steps) if not step.is_leaf]
    graph.folds, graph.fold_of = _without_empty(
        folds, [fold_of[i] for i in inner], inner, len(steps)
    )
    if runs:
        _divide(graph, inner, "steps")
    _place_leaves(graph)
    if runs:
        _divide(graph, [i for i, step in enumerate(steps) if step.is_leaf], "leaves")


def _without_empty(
    folds: list[Fold], of_inner: list[int], inner: list[int], count: int
) -> tuple[list[Fold], list[int]]:
    used: set[int] = set()
    for f in of_inner:
        while f >= 0 and f not in used:
            used.add(f)
            f = folds[f].parent
    new = {old: i for i, old in enumerate(sorted(used))} | {-1: -1}
    kept = [folds[old] for old in sorted(used)]
    for each in kept:
        each.parent = new[each.parent]
    fold_of = [-1] * count
    for i, f in zip(inner, of_inner, strict=True):
        fold_of[i] = new[f]
    return kept, fold_of


def _divide(graph: Graph, indices: list[int], what: str) -> None:
    """Divide each fold that holds too many of ``indices`` and of folds that hold them."""
    folds, fold_of = graph.folds, graph.fold_of
    inside: dict[int, dict[tuple[bool, int], None]] = {}
    for i in indices:  # in the order in which backward runs them
        is_fold, key, parent = False, i, fold_of[i]
        if what == "leaves":
            inside.setdefault(parent, {})[False, i] = None
            continue
        while (is_fold, key) not in inside.setdefault(parent, {}):
            inside[parent][is_fold, key] = None
            if parent < 0:
                break
            is_fold, key, parent = True, parent, folds[parent].parent
    first, made = _firsts(graph, indices), set[int]()
    waiting = [(parent, list(children)) for parent, children in inside.items()]
    while waiting:
        parent, children = waiting.pop()
        if len(children) <= MOST:
            continue
        whole = what == "leaves" and parent not in made
        size = len(children) if whole else max(LEAST, -(-len(children) // PARTS))
        for start in range(0, len(children), size):
            part = children[start : start + size]
            if len(part) == 1:
                continue
            new = len(folds)
            made.add(new)
            folds.append(Fold("", "", parent, is_module=False))
            for is_fold, key in part:
                if is_fold:
                    folds[key].parent = new
                else:
                    fold_of[key] = new
            low = first[part[0]][0]
            high = max(first[child][1] for child in part)
            folds[new].name = f"{what} {low} to {high}"
            waiting.append((new, part))


def _firsts(graph: Graph, indices: list[int]) -> dict[tuple[bool, int], tuple[int, int]]:
    """The first and the last number of the steps in each fold, and of each step."""
    found: dict[tuple[bool, int], tuple[int, int]] = {}
    for i in indices:
        number = graph.steps[i].number or i + 1
        found[False, i] = number, number
        f = graph.fold_of[i]
        while f >= 0:
            low, high = found.get((True, f), (number, number))
            found[True, f] = min(low, number), max(high, number)
            f = graph.folds[f].parent
    return found


def _place_leaves(graph: Graph) -> None:
    """Put each leaf where all that use it are; a few that are no module's stay outside."""
    steps, folds, fold_of = graph.steps, graph.folds, graph.fold_of
    depth: list[int] = []
    for i in range(len(folds)):
        depth.append(0)
        f = i
        while folds[f].parent >= 0:
            f = folds[f].parent
            depth[i] += 1
    inputs = [i for i, s in enumerate(steps) if s.is_leaf and "." not in s.name]
    outside = set(inputs) if len(inputs) <= INPUTS else set()
    where: dict[int, int] = {}
    for i, step in enumerate(steps):
        for below, *_ in step.edges:
            if steps[below].is_leaf and below not in outside:
                one, other = where.get(below, fold_of[i]), fold_of[i]
                while one != other:
                    if other < 0 or (one >= 0 and depth[one] >= depth[other]):
                        one = folds[one].parent
                    else:
                        other = folds[other].parent
                where[below] = one
    for i, f in where.items():
        fold_of[i] = f


def opened_at_first(graph: Graph, most: int = AT_FIRST) -> set[int]:
    """The folds that are open at first: level by level, while not too many boxes are seen."""
    inside: dict[int, list[int]] = {}
    boxes: dict[int, int] = {}
    for i, each in enumerate(graph.folds):
        inside.setdefault(each.parent, []).append(i)
    for f in graph.fold_of:
        boxes[f] = boxes.get(f, 0) + 1
    opened: set[int] = set()
    level = inside.get(-1, [])
    seen = boxes.get(-1, 0) + len(level)
    while level:
        seen += sum(boxes.get(f, 0) + len(inside.get(f, [])) for f in level) - len(level)
        if seen > most:
            break
        opened |= set(level)
        level = [below for f in level for below in inside.get(f, [])]
    return opened

"""DOT: the graph in Graphviz's language, and what Graphviz makes of it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from plugrad.drawing.step import size_text
from plugrad.errors import DrawingFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.drawing.graph import Graph
    from plugrad.drawing.step import Step

_HEAD = """digraph backward {
  graph [fontname="Helvetica", fontsize=11, nodesep=0.3, ranksep=0.35]
  node [fontname="Helvetica", fontsize=11, shape=box, style="rounded,filled",
        color="#8a94a6", fillcolor="#ffffff"]
  edge [color="#5b6576", arrowsize=0.7, fontname="Helvetica", fontsize=9]"""
#: What Graphviz makes.
RENDERED = (".svg", ".png")
#: Graphviz is stopped after so many seconds.
PATIENCE = 120


def dot_text(graph: Graph, opened: set[int], shapes: bool, saved: bool) -> str:
    """Boxes for steps and closed folds, frames for open folds."""
    shown = [_shown(graph, f, opened) for f in range(len(graph.folds))]
    box_of = [f"step{i}" for i in range(len(graph.steps))]
    inside: dict[int, list[str]] = {}
    held: dict[int, list[int]] = {}
    for i, step in enumerate(graph.steps):
        f = graph.fold_of[i]
        closed = shown[f] if f >= 0 else None
        if closed is None:
            inside.setdefault(f, []).append(f"step{i} {_step_box(step, shapes, saved)}")
        else:
            box_of[i] = f"fold{closed}"
            held.setdefault(closed, []).append(i)
    for f, indices in held.items():
        box = f"fold{f} {_fold_box(graph, f, indices, saved)}"
        inside.setdefault(graph.folds[f].parent, []).append(box)
    lines = [_HEAD, *_framed(graph, -1, inside, opened, "  ")]
    for number, (name, i, _) in enumerate(graph.outputs):
        lines.append(f'  output{number} [label={quoted(name)}, shape=oval, fillcolor="#dbe7ff"]')
        lines.append(f"  output{number} -> {box_of[i]}")
    lines += _edges(graph, box_of)
    return "\n".join([*lines, "}", ""])


def _shown(graph: Graph, f: int, opened: set[int]) -> int | None:
    """The outermost closed fold around or at ``f``; None if all are open."""
    found = None
    while f >= 0:
        found = found if f in opened else f
        f = graph.folds[f].parent
    return found


def _framed(
    graph: Graph, f: int, inside: dict[int, list[str]], opened: set[int], indent: str
) -> Iterator[str]:
    yield from (f"{indent}{box}" for box in inside.get(f, []))
    for child, fold in enumerate(graph.folds):
        if fold.parent == f and child in opened:
            yield f"{indent}subgraph cluster{child} {{"
            label = quoted(f"{fold.name}  {fold.kind}".strip())
            yield f'{indent}  graph [label={label}, style=rounded, color="#b9c0cc"]'
            yield from _framed(graph, child, inside, opened, f"{indent}  ")
            yield f"{indent}}}"


def _step_box(step: Step, shapes: bool, saved: bool) -> str:
    number = "" if step.number is None else f"{step.number}  "
    lines = [f"{number}{step.title}"]
    if shapes:
        lines += [f"{size_text(v.shape)} {v.dtype}" for v in step.outputs[:4] if v is not None]
    if saved and step.freed:
        lines.append("saved tensors freed")
    elif saved and step.saved_bytes:
        lines.append(f"saves {bytes_text(step.saved_bytes)}")
    norms = [f for f in step.flow if f is not None and f.norm is not None]
    lines += [f"|gradient| {f.norm:.3g}" for f in norms]
    colour = "#d9f0dd" if step.is_leaf else "#ffffff"
    return f'[label={quoted(*lines)}, fillcolor="{colour}"]'


def _fold_box(graph: Graph, f: int, indices: list[int], saved: bool) -> str:
    fold, steps = graph.folds[f], [graph.steps[i] for i in indices]
    numbers = [step.number for step in steps if step.number is not None]
    lines = [fold.name, fold.kind] if fold.kind else [fold.name]
    if fold.is_module and numbers:
        lines.append(f"steps {min(numbers)} to {max(numbers)}")
    kept = sum(step.saved_bytes for step in steps)
    if saved and kept:
        lines.append(f"saves {bytes_text(kept)}")
    return f'[label={quoted(*lines)}, shape=box3d, style=filled, fillcolor="#fff3d6"]'


def _edges(graph: Graph, box_of: list[str]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for i, step in enumerate(graph.steps):
        for below, *_ in step.edges:
            ends = box_of[i], box_of[below]
            if ends[0] != ends[1] and ends not in seen:
                seen.add(ends)
                yield f"  {ends[0]} -> {ends[1]}"


def quoted(*lines: str) -> str:
    """A label of several lines, as Graphviz reads it."""
    clean = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(" ".join(line.split("\n")) for line in clean) + '"'


def bytes_text(count: int) -> str:
    """``512 B``, ``5.1 KB``, ``3.2 MB``."""
    size = float(count)
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def graphviz(suffix: str) -> str:
    """Where the program is that makes such a file.

    Raises:
        DrawingFileError: it is not on the PATH.
    """
    program = shutil.which("dot")
    if program is None:
        raise DrawingFileError(
            f"a {suffix} file is made by the program dot of Graphviz, which is not on the PATH",
            where="saving a drawing",
            fix="install it (apt-get install graphviz, brew install graphviz, or conda install "
            "graphviz), or name a .html file, which needs nothing",
        )
    return program


def rendered(text: str, suffix: str) -> bytes:
    """What Graphviz makes of ``text``: an SVG or a PNG.

    Raises:
        DrawingFileError: there is no Graphviz, or it fails.
    """
    program = graphviz(suffix)
    try:
        done = subprocess.run(
            [program, f"-T{suffix[1:]}"],
            input=text.encode(),
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        problem = done.stderr.decode(errors="replace").strip() if done.returncode else ""
    except subprocess.TimeoutExpired:
        problem = f"it was not ready after {PATIENCE} s"
    except OSError as error:
        problem = str(error)
    else:
        if not done.returncode:
            return done.stdout
    raise DrawingFileError(
        f"Graphviz could not draw the graph: {problem or 'it does not say why'}",
        where=f"{program} -T{suffix[1:]}",
        fix="name a .html file, which needs no Graphviz",
    )

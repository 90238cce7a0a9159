"""page: the graph as one interactive HTML file that needs nothing else."""

from __future__ import annotations

import json
import math
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from plugrad.drawing.step import size_text

if TYPE_CHECKING:
    from plugrad.drawing.graph import Graph
    from plugrad.drawing.step import Flow, Saved, Step, Value


def page(graph: Graph, opened: set[int], shapes: bool, saved: bool) -> str:
    """The page, with the data as JSON in it."""
    room = files("plugrad.drawing")
    parts = {
        name: (room / file).read_text(encoding="utf-8")
        for name, file in (
            ("css", "page.css"),
            ("layout", "layout.js"),
            ("boxes", "boxes.js"),
            ("script", "page.js"),
        )
    }
    names = ", ".join(name for name, *_ in graph.outputs[:3])
    template = Template((room / "page.html").read_text(encoding="utf-8"))
    data = _Data(graph).as_dict(opened, shapes, saved)
    return template.substitute(parts, title=escape(f"backward of {names}"), data=_json(data))


def _json(data: Any) -> str:
    """JSON that can stand in a <script>: nothing in it ends that, or is read as HTML."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


class _Data:
    """What the page's script reads: texts once, each step without what it lacks."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.texts: dict[str, int] = {}
        self.ops: dict[tuple[str, ...], int] = {}

    def as_dict(self, opened: set[int], shapes: bool, saved: bool) -> dict[str, Any]:
        """All of it as plain values."""
        graph = self.graph
        steps = [self._step(i, step) for i, step in enumerate(graph.steps)]
        return {
            "shapes": shapes,
            "saved": saved,
            "watched": graph.watched,
            "bytes": graph.saved_bytes,
            "outputs": graph.outputs,
            "folds": [[f.name, f.kind, f.parent, int(f.is_module)] for f in graph.folds],
            "opened": sorted(opened),
            "steps": steps,
            "ops": [list(op) for op in self.ops],
            "texts": list(self.texts),
        }

    def _step(self, i: int, step: Step) -> dict[str, Any]:
        op = (step.op, step.category, step.formula, step.about)
        found = {
            "op": self.ops.setdefault(op, len(self.ops)),
            "fold": self.graph.fold_of[i],
            "n": step.number,
            "name": step.name,
            "leaf": int(step.is_leaf),
            "out": [None if v is None else self._value(v) for v in step.outputs],
            "edges": [[below, number, self._text(name)] for below, number, name in step.edges],
            "saved": [self._saved(s) for s in step.saved],
            "bytes": step.saved_bytes,
            "freed": int(step.freed),
            "options": [[name, value] for name, value in step.options],
            "hooks": step.hooks,
            "lines": [self._text(line) for line in step.lines],
            "grad": None if step.grad is None else _flow(step.grad),
            "flow": [None if f is None else _flow(f) for f in step.flow],
        }
        return {
            key: value
            for key, value in found.items()
            if value not in ("", 0, [], None) or key in ("op", "fold")
        }

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def _value(self, value: Value) -> list[int]:
        return [self._text(size_text(value.shape)), self._text(value.dtype)]

    def _saved(self, saved: Saved) -> list[Any]:
        value = saved.value
        shown = [] if value is None else [*self._value(value), value.bytes]
        return [self._text(saved.name), self._text(saved.note), *shown]


def _flow(flow: Flow) -> list[Any]:
    """Shape, norm as a text, its decimal logarithm where it has one, and how many are odd."""
    norm = flow.norm
    if norm is None:
        return [size_text(flow.shape), "?", None, flow.odd]
    finite = math.isfinite(norm) and norm > 0
    return [size_text(flow.shape), f"{norm:.3g}", math.log10(norm) if finite else None, flow.odd]

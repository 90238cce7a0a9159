"""Drawing: a picture of a graph, which displays itself and can be saved."""

from __future__ import annotations

from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from plugrad.drawing.dot import RENDERED, dot_text, graphviz, rendered
from plugrad.drawing.folds import opened_at_first
from plugrad.drawing.page import page
from plugrad.errors import DrawingFileError

if TYPE_CHECKING:
    import os

    from plugrad.drawing.graph import Graph
    from plugrad.drawing.step import Step

#: A notebook would keep a larger page in its own file.
MOST_IN_NOTEBOOK = 5000
HEIGHT = 620
SUFFIXES = (".html", ".dot", ".svg", ".png")


class Drawing:
    """What ``pg.draw`` returns: plain data, which keeps nothing of the graph alive.

    The last expression of a notebook's cell displays itself. ``save`` writes a file; ``html`` and
    ``dot`` are the texts.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        show_shapes: bool = True,
        show_saved: bool = True,
        folded: bool = True,
    ) -> None:
        self._graph, self._shapes, self._saved = graph, show_shapes, show_saved
        self._opened = opened_at_first(graph) if folded else set(range(len(graph.folds)))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in the order in which backward runs them."""
        return tuple(self._graph.steps)

    @cached_property
    def html(self) -> str:
        """The interactive page: one file that needs nothing else."""
        return page(self._graph, self._opened, self._shapes, self._saved)

    @cached_property
    def dot(self) -> str:
        """The graph in Graphviz's language, folded as the page is at first."""
        return dot_text(self._graph, self._opened, self._shapes, self._saved)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the drawing; the suffix says what: .html, .dot, .svg or .png.

        Returns:
            The path.

        Raises:
            DrawingFileError: there is no such format, or .svg or .png and no Graphviz; or the file
                cannot be written.
        """
        file = Path(path)
        suffix = check_format(file)
        if suffix in RENDERED:
            content = rendered(self.dot, suffix)
        else:
            content = (self.html if suffix == ".html" else self.dot).encode()
        try:
            file.write_bytes(content)
        except OSError as error:
            raise DrawingFileError(
                f"{file} cannot be written: {error.strerror}",
                where="Drawing.save",
                fix="name a file in a folder that exists and that you may write to",
            ) from error
        return file

    @property
    def summary(self) -> str:
        """``9 steps, 5 leaves among them, in 4 modules``."""
        steps, modules = self._graph.steps, sum(f.is_module for f in self._graph.folds)
        leaves = sum(step.is_leaf for step in steps)
        parts = [_count(len(steps), "step"), f"{_count(leaves, 'leaf', 'leaves')} among them"]
        parts += [f"in {_count(modules, 'module')}"] if modules else []
        return ", ".join(parts)

    def __repr__(self) -> str:
        return f"<Drawing of {self.summary}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the page, in a frame of its own."""
        if len(self._graph.steps) > MOST_IN_NOTEBOOK:
            return (
                f"<p><code>{escape(repr(self))}</code> is too large for a notebook: "
                "<code>.save(&quot;graph.html&quot;)</code> writes a page to open in a browser.</p>"
            )
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" title="backward graph" '
            f'style="width:100%;height:{HEIGHT}px;border:1px solid #c8ccd4;border-radius:6px">'
            "</iframe>"
        )


def check_format(file: Path) -> str:
    """The suffix of ``file``, which says what is to be written.

    Raises:
        DrawingFileError: there is no such format, or it needs Graphviz, which is missing.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise DrawingFileError(
            f"a drawing cannot be saved as {file.name!r}: "
            + (f"{suffix} is not a format that it has" if suffix else "it has no suffix"),
            where="the name of the file",
            fix=f"give it one of the suffixes {', '.join(SUFFIXES)}: {file.stem or 'graph'}.html",
        )
    if suffix in RENDERED:
        graphviz(suffix)
    return suffix


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

"""draw: the graph of what was computed, to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from plugrad.core.variable import Variable
from plugrad.drawing.calls import ModuleCalls
from plugrad.drawing.drawing import Drawing
from plugrad.drawing.flow import flows_of, is_asked
from plugrad.drawing.folds import fold_graph, folds_by_names
from plugrad.drawing.graph import graph_of, records_below
from plugrad.drawing.names import Names
from plugrad.errors import DrawingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: No browser lays out more boxes than this in a second or two.
MOST_UNFOLDED = 2000
_WHERE = "a call of pg.draw"


def draw(
    y: Any,
    *,
    params: Any = None,
    show_shapes: bool = True,
    show_saved: bool = True,
    gradients: bool | Tensor | Variable | Sequence[Any] = False,
    fold: bool = True,
) -> Drawing:
    """Draw the backward graph of ``y``, numbered in the order in which backward runs it.

    The Drawing displays itself in a notebook, and ``save("graph.html")`` writes one page to look at
    in a browser: zoom, search, click a step, play the backward. It keeps nothing of the graph.

    Args:
        y: a Variable, or several in a tuple, list or dict; or a function without arguments that
            returns that. It is called, and the calls of modules in it are noted: the drawing is
            folded to them.
        params: names for leaves: a module, or a dict of Variables and modules by their names. If
            ``y`` is not a function, the drawing is folded by these names: a step is put into
            the module whose parameters it uses, or into what those before and after it share.
        show_shapes: write the shape of each output into its box.
        show_saved: write into the boxes how much memory the saved tensors take.
        gradients: True runs a backward from ``y`` to show what flows; a tensor of y's shape is the
            gradient to start from. No ``grad`` changes, and the graph is not freed.
        fold: show a large graph folded at first; False shows every step.

    Returns:
        A Drawing; ``save(path)`` writes .html, .dot, or, with Graphviz, .svg or .png.

    Raises:
        DrawingError: ``y`` has no graph, or an argument is not what it should be.
    """
    names = Names(params)
    asked = is_asked(gradients)
    calls = None
    if _is_function(y):
        with ModuleCalls(names.modules) as calls:
            y = y()
        for module in calls.others:
            names.add_module("", module)
    outputs = _outputs(y)
    records, roots = records_below(outputs)
    flows = flows_of(records, list(outputs.values()), gradients) if asked else None
    graph = graph_of(records, roots, names.leaves(records))
    if flows is not None:
        graph.watch(flows)
    if not fold and len(graph.steps) > MOST_UNFOLDED:
        raise DrawingError(
            f"a graph of {len(graph.steps)} steps is too large to be drawn with every step open",
            where="pg.draw(..., fold=False)",
            fix="leave fold out: pg.draw(y)",
        )
    if calls is not None and calls.calls:
        folds, fold_of = calls.folds(graph.steps)
    else:
        folds, fold_of = folds_by_names(graph.steps, names.kind_of)
    fold_graph(graph, folds, fold_of, runs=fold)
    return Drawing(graph, show_shapes=show_shapes, show_saved=show_saved, folded=fold)


def _is_function(y: Any) -> bool:
    if isinstance(y, nn.Module):
        raise DrawingError(
            f"pg.draw was given a module, a {type(y).__name__}, and not what it computes",
            where=_WHERE,
            fix="pg.draw(lambda: model(x), params=model)",
        )
    return isinstance(y, Callable) and not isinstance(y, Variable | Tensor | type)  # type: ignore[arg-type]


def _outputs(y: Any) -> dict[str, Variable]:
    """The Variables in ``y`` that have a graph, by their names.

    Raises:
        DrawingError: there is none, or something else is among them.
    """
    found = list(_named(y, ""))
    several = len(found) > 1
    outputs = {
        name if several else "y": v
        for name, v in found
        if isinstance(v, Variable) and v.requires_grad
    }
    if not outputs:
        _refuse(y, [v for _, v in found])
    return outputs


def _named(y: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(y, Mapping):
        for key, value in y.items():
            yield from _named(value, f"{name}.{key}" if name else str(key))
    elif isinstance(y, list | tuple):
        for i, value in enumerate(y):
            yield from _named(value, f"{name or 'y'}[{i}]")
    elif isinstance(y, Variable | Tensor):
        yield name or "y", y
    elif y is not None:
        raise DrawingError(
            f"pg.draw was given a {type(y).__name__}{f' ({name})' if name else ''}, which has no "
            "graph",
            where=_WHERE,
            fix="pass the Variable that was computed, or several in a tuple, list or dict",
        )


def _refuse(y: Any, found: list[Any]) -> None:
    if not found:
        raise DrawingError(
            f"there is no Variable in what pg.draw was given, a {type(y).__name__}",
            where=_WHERE,
            fix="pass the Variable that was computed; a function must return it",
        )
    if not any(isinstance(v, Variable) for v in found):
        of_torch = any(v.grad_fn is not None for v in found)
        raise DrawingError(
            f"pg.draw was given a {type(found[0]).__name__}, not a Variable"
            + (": its graph is torch's" if of_torch else ""),
            where=_WHERE,
            fix="compute it from plugrad.Variable(x, requires_grad=True); for a torch model call "
            "plugrad.interop.convert(model) first",
        )
    raise DrawingError(
        f"the Variable of shape {tuple(found[0].shape)} has no graph: it does not require grad",
        where=_WHERE,
        fix="make an input with requires_grad=True, compute outside no_grad(), and don't detach() "
        "the result",
    )

"""``plugrad graph``: the backward graph of what a function returns, as a file to look at."""

from __future__ import annotations

import inspect
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from plugrad.cli.checking.writable import check_writable
from plugrad.cli.output_to_errors import output_to_errors
from plugrad.errors import NonScalarRootError, PlugradError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.drawing import Drawing


def graph(
    function: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py:FUNCTION",
            help="A function without arguments that returns a Variable, several, or what pg.draw "
            "returns; also as MODULE:FUNCTION.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="A .html, .dot, .svg or .png file to write."
        ),
    ] = Path("graph.html"),
    gradients: Annotated[
        bool, typer.Option("--gradients", help="Run the backward, and show what flows.")
    ] = False,
    lines: Annotated[
        bool, typer.Option("--lines", help="Note the line that called each op (anomaly mode).")
    ] = False,
    unfolded: Annotated[bool, typer.Option("--unfolded", help="Show every step at first.")] = False,
) -> None:
    """Draw the backward graph of what a function returns, and write it to a file.

    \b
    plugrad graph script.py:loss
    plugrad graph script.py:loss --gradients --lines
    plugrad graph package.module:loss -o loss.svg

    Modules that the function calls are folds, which open on a click. Leaves have the names of
    their modules' parameters, and of the file's own global variables. The .html file needs
    nothing else; .svg and .png need Graphviz.

    The exit status is 0; 1 if the function raises; or 2 if there is no such function, or what it
    returns cannot be drawn.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    from plugrad.drawing.drawing import check_format

    try:
        check_format(output)
        check_writable("--output", output)
        with output_to_errors():
            drawing = _drawn(_found(function), function, gradients, lines, not unfolded)
        path = drawing.save(output)
    except PlugradError as error:
        if isinstance(error.__cause__, NonScalarRootError):
            _refuse(error.what, "return one number, as by .sum(); or what pg.draw returns")
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{path.resolve()}: {drawing.summary}")


def _found(text: str) -> Callable[[], Any]:
    from plugrad.testing.targets import find_object

    place, colon, name = text.partition(":")
    if not colon or not name:
        _refuse(f"{text!r} does not name a function", _example(place))
    with output_to_errors():
        try:
            function = find_object(text)
        except PlugradError as error:
            # The fix of what is to be checked speaks of more than functions.
            own = error.fix if error.fix.startswith("make ") else _example(place)
            _refuse(error.what, own)
    if not callable(function) or hasattr(function, "named_parameters"):
        _refuse(f"{text} is not a function but of {type(function)}", _example(place))
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        _refuse(
            f"{text} cannot be called without arguments: {error}",
            f"write a function that calls it, and name that one: plugrad graph {place}:loss",
        )
    except ValueError:  # it has no signature
        pass
    return function  # type: ignore[no-any-return]


def _example(place: str) -> str:
    file = place if place.endswith(".py") else "script.py"
    return f"name a function without arguments: plugrad graph {file}:loss"


def _drawn(
    function: Callable[[], Any], text: str, gradients: bool, lines: bool, folded: bool
) -> Drawing:
    import torch

    from plugrad.drawing import Drawing, draw

    made: list[Any] = []

    def call() -> Any:
        try:
            made.append(function())
        except Exception as error:
            typer.echo(traceback.format_exc(), err=True, nl=False)
            typer.echo(f"Error: {text} raised {type(error).__name__}", err=True)
            raise typer.Exit(1) from error
        if isinstance(made[0], Drawing):
            raise _Ready
        return made[0]

    with torch.autograd.set_detect_anomaly(torch.is_anomaly_enabled() or lines, check_nan=False):
        try:
            return draw(call, params=_globals(function), gradients=gradients, fold=folded)
        except _Ready:
            return made[0]  # type: ignore[no-any-return]


class _Ready(Exception):  # noqa: N818 (it is not an error)
    """The function has drawn its graph itself."""


def _globals(function: Any) -> dict[str, Any]:
    """The leaves and modules among the global variables that the function sees, by their names."""
    from torch import nn

    from plugrad.core.variable import Variable

    seen = getattr(inspect.unwrap(function), "__globals__", {})
    return {
        name: value
        for name, value in seen.items()
        if isinstance(value, nn.Module) or (isinstance(value, Variable) and value.is_leaf)
    }


def _refuse(what: str, fix: str) -> NoReturn:
    typer.echo(f"Error: {what}\n  fix: {fix}", err=True)
    raise typer.Exit(2)

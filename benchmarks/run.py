"""Run the benchmarks and print a table of ratios.

``python benchmarks/run.py`` runs them all, which takes a few minutes; ``--help`` shows
how to run one, and how to get Markdown or JSON. Each release keeps its JSON in ``results/``; the
README's table and the site's are made of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from plugrad.benchmarks import (
    bystander,
    checking,
    checkpointed,
    ctx_attributes,
    fallback,
    force_matching,
    import_time,
    inplace,
    live_graph,
    long_chain,
    models,
    op_overhead,
    own_op,
    real_step,
    recording,
    small_step,
)
from plugrad.benchmarks.effort import FULL, TINY
from plugrad.benchmarks.table import as_json, as_markdown, for_terminal, from_json, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort
    from plugrad.benchmarks.result import Result

BENCHMARKS: dict[str, Callable[[Effort], Iterator[Result]]] = {
    "op": op_overhead.results,
    "small-step": small_step.results,
    "own-op": own_op.results,
    "ctx": ctx_attributes.results,
    "in-place": inplace.results,
    "real-step": real_step.results,
    "models": models.results,
    "force-matching": force_matching.results,
    "fallback": fallback.results,
    "checkpoint": checkpointed.results,
    "chain": long_chain.results,
    "live-graph": live_graph.results,
    "import": import_time.results,
    "bystander": bystander.results,
    "check": checking.results,
    "recording": recording.results,
}


def run(
    only: Annotated[
        list[str] | None, typer.Option(help=f"Run this one: {', '.join(BENCHMARKS)}.")
    ] = None,
    tiny: Annotated[bool, typer.Option("--tiny", help="See that all run; no numbers.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    saved: Annotated[
        Path | None, typer.Option("--from", help="Show this JSON, and measure nothing.")
    ] = None,
) -> None:
    """Measure plugrad against torch and other engines."""
    if saved is None:
        results, where = measured(only, TINY if tiny else FULL), machine()
    else:
        results, where = from_json(saved.read_text(encoding="utf-8"))
    if json:
        print(as_json(results, where))
    elif markdown:
        print(as_markdown(results, where))
    else:
        Console().print(for_terminal(results, where))


def measured(only: list[str] | None, effort: Effort) -> list[Result]:
    """The results of these benchmarks, or of all."""
    unknown = [name for name in only or () if name not in BENCHMARKS]
    if unknown:
        raise typer.BadParameter(
            f"{unknown[0]!r} is no benchmark\n  fix: choose from {', '.join(BENCHMARKS)}",
            param_hint="--only",
        )
    results: list[Result] = []
    notes = Console(stderr=True)
    for name in only or BENCHMARKS:
        with notes.status(f"measuring: {name}"):
            results += BENCHMARKS[name](effort)
    return results


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command()(run)

if __name__ == "__main__":
    app()

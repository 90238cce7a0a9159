"""watched: a progress bar while results come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plugrad.cli.checking.outcome import Outcome
    from plugrad.testing.pool import Batch


def watched(batches: Iterable[Batch], outcome: Outcome) -> Iterator[Batch]:
    """The same batches; on a terminal, with a progress bar on standard error."""
    console = Console(stderr=True, highlight=False)
    progress = Progress(
        TextColumn("checking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("ops, {task.fields[results]} results, {task.fields[failures]} failed"),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    results = failures = 0
    with progress:
        task = progress.add_task("", total=len(outcome.ops), results=0, failures=0)
        for batch in batches:
            results += len(batch.results)
            failures += sum(r.status == "failed" for r in batch.results)
            yield batch
            progress.update(
                task,
                completed=outcome.done,
                description=batch.op,
                results=results,
                failures=failures,
            )

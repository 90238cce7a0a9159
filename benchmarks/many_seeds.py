"""Check all built-in ops with many seeds: no law may fail for some of them by chance.

``python benchmarks/many_seeds.py`` takes an hour or so on two cores; ``--help`` shows how to
run fewer seeds.
"""

from __future__ import annotations

import multiprocessing
import time
from functools import partial
from typing import Annotated

import torch
import typer


def failures(laws: list[str] | None, seed: int) -> tuple[int, list[str], int, float]:
    """The seed, what failed with it, how many results there were, and the seconds it took."""
    from plugrad.plugins.default import registry
    from plugrad.testing import check_op

    torch.set_num_threads(1)
    start, failed, results = time.perf_counter(), [], 0
    for entry in registry:
        report = check_op(entry, laws=laws, seed=seed)
        results += len(report)
        failed += [f"{r.reproduce}: {r.message}" for r in report.failures]
    return seed, failed, results, time.perf_counter() - start


def main(
    seeds: Annotated[int, typer.Option(help="How many.")] = 200,
    first: Annotated[int, typer.Option(help="The first of them.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes, one seed each at a time.")] = 2,
    law: Annotated[list[str] | None, typer.Option(help="Only this law; may be repeated.")] = None,
) -> None:
    """Run the whole check of the built-in ops once for each seed."""
    start, bad, total = time.perf_counter(), 0, 0
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs) as pool:
        for seed, failed, results, seconds in pool.imap_unordered(
            partial(failures, law or None), range(first, first + seeds)
        ):
            bad += bool(failed)
            total += results
            print(f"seed {seed}: {len(failed)} of {results} failed, {seconds:.0f} s", flush=True)
            for line in failed:
                print(f"  {line}", flush=True)
    minutes = (time.perf_counter() - start) / 60
    print(f"{seeds - bad} of {seeds} seeds pass: {total} results, {minutes:.1f} min, {jobs} jobs")
    raise typer.Exit(1 if bad else 0)


if __name__ == "__main__":
    typer.run(main)

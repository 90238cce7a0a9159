"""check_seed and check_jobs: options that several commands have."""

from __future__ import annotations

import typer


def check_seed(seed: int) -> None:
    """Refuse what torch does not accept as a seed."""
    if not 0 <= seed < 2**63:
        raise typer.BadParameter(
            f"{seed} is not a seed\n  fix: give a number from 0 to 2**63 - 1, e.g. --seed 1",
            param_hint="--seed",
        )


def check_jobs(jobs: int) -> None:
    """Refuse less than one process."""
    if jobs < 1:
        raise typer.BadParameter(
            f"{jobs} processes check nothing\n  fix: give at least 1, e.g. --jobs 2",
            param_hint="--jobs",
        )

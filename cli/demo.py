"""``plugrad demo``: train a classifier of handwritten digits and check every gradient."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated

import typer

from plugrad.cli.extras import require
from plugrad.cli.interruption import INTERRUPTED, Interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from plugrad.cli.digits.training import Training


def demo(
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = 30,
    seed: Annotated[
        int, typer.Option(help="The seed for the split, the weights and the batches.")
    ] = 0,
    device: Annotated[str, typer.Option(help="Where to train: cpu, cuda, mps, ...")] = "cpu",
    out: Annotated[Path, typer.Option(help="The folder for the plot.")] = Path("out"),
) -> None:
    """Train a small classifier of digits.

    It is trained on plugrad's Variables from end to end. Each epoch shows the largest
    difference between plugrad's gradients and torch.autograd's. At the end it prints the test
    accuracy and the time compared with torch, and saves a plot.

    \b
    plugrad demo                 writes out/loss.png
    plugrad demo --device cuda --out plots
    plugrad demo --epochs 5 --seed 1

    The exit status is 0, 1 if a gradient differs from torch's, 2 if the command is wrong, and
    130 after Ctrl-C, which shows the results so far.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    require("plugrad demo", "sklearn", "matplotlib")
    import torch
    from rich.console import Console

    from plugrad.cli.device import usable_device
    from plugrad.cli.digits import report
    from plugrad.cli.digits.data import load
    from plugrad.cli.digits.plot import plot_loss
    from plugrad.cli.digits.training import Training
    from plugrad.core.counted import counted

    _check_numbers(epochs, seed)
    place = usable_device(device)
    _make_folder(out)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with Interruption() as interruption:
        training = Training(load(seed), place, epochs, seed)
        with _one_thread():
            _train(training, console, lambda: interruption.noted)
        stopped = len(training.epochs) < epochs
        if stopped:
            steps = counted(len(training.step_losses), "step")
            console.print(f"\ninterrupted after {steps}")
        if training.step_losses:
            plot_loss(training, out / "loss.png")
            console.print(f"\n{report.summary(training)}\nplot           {out / 'loss.png'}")
    if not all(epoch.gradients_agree for epoch in training.epochs):
        console.print(
            "Error: the gradients differ from torch's by more than rounding explains\n"
            "  fix: this is a bug in plugrad or in an op; please report it with the seed "
            f"({seed}), the device ({place}) and torch's version ({torch.__version__})"
        )
        raise typer.Exit(1)
    if stopped:
        raise typer.Exit(INTERRUPTED)


# --- options -------------------------------------------------------------------------


def _check_numbers(epochs: int, seed: int) -> None:
    if epochs < 1:
        raise typer.BadParameter(
            f"{epochs} epochs train nothing\n  fix: give at least 1, e.g. --epochs 30",
            param_hint="--epochs",
        )
    if not 0 <= seed < 2**63:
        raise typer.BadParameter(
            f"{seed} is not a seed\n  fix: give a number from 0 to 2**63 - 1, e.g. --seed 1",
            param_hint="--seed",
        )


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out):  # better now than after the training
            pass
    except OSError as error:
        raise typer.BadParameter(
            f"{out} is not a folder that can be written to: {error.strerror}\n"
            "  fix: name a new or existing folder that you may write to",
            param_hint="--out",
        ) from error


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread: for a model this small, more only wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# --- what is shown -------------------------------------------------------------------


def _train(training: Training, console: Console, stop: Callable[[], bool]) -> None:
    """Train, with a progress bar on a terminal, and a line per epoch in any case."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from plugrad.cli.digits import report

    console.print(f"{report.sizes(training.digits)}\n\n{report.HEADER}")
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        total = training.planned * training.steps_per_epoch
        task = progress.add_task("training", total=total)

        def on_step() -> None:
            loss = training.step_losses[-1]
            progress.update(task, advance=1, description=f"loss {loss:7.4f}{_accuracy(training)}")

        for epoch in training.run(stop, on_step):
            console.print(report.line(epoch, training.planned))


def _accuracy(training: Training) -> str:
    if not training.epochs:
        return ""
    return f"  validation accuracy {training.epochs[-1].validation_accuracy:.1%}"

"""The plot of the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from plugrad.cli.digits.training import Training


def plot_loss(training: Training, path: Path) -> None:
    """Write the loss of every batch and every epoch as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # an extra, slow to import
    from matplotlib.figure import Figure

    # Without pyplot: no window system is looked for and no global state is left behind.
    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    per_epoch = training.steps_per_epoch
    steps = [(i + 1) / per_epoch for i in range(len(training.step_losses))]
    numbers = [epoch.number for epoch in training.epochs]
    axes.plot(steps, training.step_losses, color="0.8", linewidth=0.8, label="training, batch")
    marker = "o" if len(numbers) < 2 else None
    axes.plot(numbers, [e.loss for e in training.epochs], marker=marker, label="training")
    axes.plot(
        numbers, [e.validation_loss for e in training.epochs], marker=marker, label="validation"
    )
    axes.set(xlabel="epoch", ylabel="cross entropy", yscale="log", title="plugrad demo: the loss")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, format="png")

"""The report: what a training came to, in plain lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.core.counted import counted

if TYPE_CHECKING:
    from plugrad.cli.digits.data import Digits
    from plugrad.cli.digits.training import Epoch, Training

#: Above the lines of the epochs.
HEADER = """\
           loss  accuracy, %      largest difference from torch.autograd's gradients
 epoch          train    val.    absolute   relative   relative in float64"""


def sizes(digits: Digits) -> str:
    """How many images there are."""
    return (
        f"handwritten digits: {len(digits.train)} to train on, {len(digits.validation)} to "
        f"validate, {len(digits.test)} to test"
    )


def line(epoch: Epoch, planned: int) -> str:
    """One epoch, under HEADER."""
    number = f"{epoch.number:{len(str(planned))}d}/{planned}"
    in64 = "-" if epoch.difference64 is None else f"{epoch.difference64.relative:.1e}"
    return (
        f"{number:>6} {epoch.loss:8.4f} {100 * epoch.train_accuracy:7.1f}"
        f" {100 * epoch.validation_accuracy:7.1f} {epoch.difference.absolute:11.1e}"
        f" {epoch.difference.relative:10.1e} {in64:>10}"
    )


def summary(training: Training) -> str:
    """The test accuracy, the time against torch's and the worst of the gradients."""
    ours, theirs = training.test_accuracy()
    seconds, torch_seconds = training.seconds.values()
    took = f"plugrad {seconds:.2f} s, torch {torch_seconds:.2f} s"
    work = f"the same {counted(len(training.step_losses), 'step')}"
    lines = [
        f"test accuracy  {ours:.2%} (trained by torch.autograd: {theirs:.2%})",
        f"time           {took} for {work}: {seconds / torch_seconds:.2f}x",
    ]
    if training.epochs:
        lines.append(f"gradients      {_gradients(training.epochs)}")
    return "\n".join(lines)


def _gradients(epochs: list[Epoch]) -> str:
    worst = max(epoch.difference.relative for epoch in epochs)
    in64 = [e.difference64.relative for e in epochs if e.difference64 is not None]
    if not any([worst, *in64]):
        return "the same as torch.autograd's, bit for bit"
    text = f"at most {worst:.1e} from torch.autograd's, relative to the largest"
    return f"{text}; {max(in64):.1e} in float64" if in64 else text

"""Training: plugrad's learner and torch's, batch by batch in turn."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import torch

from plugrad.cli.digits.data import Digits, Images, batches
from plugrad.cli.digits.learner import Learner
from plugrad.cli.digits.model import initial_weights
from plugrad.cli.digits.oracle import Difference, gradient_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BATCH_SIZE = 32
_RATE = 0.1


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training images came to.

    Attributes:
        loss: the mean of the batches' losses.
        difference: between plugrad's gradients and torch's, in the dtype of the training.
        difference64: the same in float64; None where the device has no float64.
    """

    number: int
    loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    difference: Difference
    difference64: Difference | None

    @property
    def gradients_agree(self) -> bool:
        """Whether plugrad's gradients were torch's."""
        return self.difference.is_rounding and (
            self.difference64 is None or self.difference64.is_rounding
        )


class Training:
    """Both learners start from the same weights and see the same batches.

    They take turns at every batch, each first as often as the other, so that whatever
    else the machine does slows both.

    Args:
        digits: the images, which stay in the CPU's memory.
        device: where to train.
        epochs: how many passes are planned; the learning rate falls to 0 over them.
        seed: of weights and batches.
    """

    def __init__(self, digits: Digits, device: torch.device, epochs: int, seed: int) -> None:
        self.digits = digits
        self._device = device
        weights = [w.to(device) for w in initial_weights(seed)]
        self.learner = Learner.of_plugrad(weights)
        self.torch_learner = Learner.of_torch(weights)
        self.seconds = {self.learner: 0.0, self.torch_learner: 0.0}
        self.planned = epochs
        self.epochs: list[Epoch] = []
        self.step_losses: list[float] = []
        self._generator = torch.Generator().manual_seed(seed)

    @property
    def steps_per_epoch(self) -> int:
        """How many batches all training images make."""
        return -(-len(self.digits.train) // _BATCH_SIZE)

    def run(self, stop: Callable[[], bool], on_step: Callable[[], None]) -> Iterator[Epoch]:
        """Train, and yield each epoch as it ends.

        Args:
            stop: asked before every batch whether to end here.
            on_step: called after every batch.
        """
        while len(self.epochs) < self.planned:
            for batch in batches(self.digits.train, _BATCH_SIZE, self._generator):
                if stop():
                    return
                last = batch.to(self._device)
                self._step(last)
                on_step()
            self.epochs.append(self._report(last))
            yield self.epochs[-1]

    def test_accuracy(self) -> tuple[float, float]:
        """The accuracies of plugrad's learner and of torch's on images neither has seen."""
        test = self.digits.test.to(self._device)
        return self.learner.judge(test)[1], self.torch_learner.judge(test)[1]

    def _step(self, batch: Images) -> None:
        step = len(self.step_losses)
        rate = _RATE * (1 - step / (self.planned * self.steps_per_epoch))
        turns = [self.learner, self.torch_learner]
        for learner in turns if step % 2 else reversed(turns):
            started = perf_counter()
            loss = learner.step(batch, rate)  # a float: the device has finished
            self.seconds[learner] += perf_counter() - started
            if learner is self.learner:
                self.step_losses.append(loss)

    def _report(self, batch: Images) -> Epoch:
        weights = self.learner.weights
        losses = self.step_losses[-self.steps_per_epoch :]
        train, validation = (
            self.learner.judge(images.to(self._device))
            for images in (self.digits.train, self.digits.validation)
        )
        has64 = self._device.type != "mps"
        return Epoch(
            number=len(self.epochs) + 1,
            loss=sum(losses) / len(losses),
            train_accuracy=train[1],
            validation_loss=validation[0],
            validation_accuracy=validation[1],
            difference=gradient_difference(weights, batch, torch.float32),
            difference64=gradient_difference(weights, batch, torch.float64) if has64 else None,
        )

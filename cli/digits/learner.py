"""Learner: one set of weights and how a batch improves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import plugrad as pg
from plugrad.cli.digits.model import logits, mean_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.cli.digits.data import Images

_MOMENTUM = 0.9


class Learner:
    """Stochastic gradient descent with momentum, on Variables or on torch's tensors.

    Args:
        weights: where to start; they are copied.
        leaf: makes a parameter, which collects a gradient, of a tensor.
        constant: makes an input of a tensor.
    """

    def __init__(
        self,
        weights: Sequence[Tensor],
        leaf: Callable[[Tensor], Any],
        constant: Callable[[Tensor], Any],
    ) -> None:
        self.parameters = [leaf(weight.clone()) for weight in weights]
        self._velocities: list[Any] = [None] * len(weights)
        self._constant = constant

    @classmethod
    def of_plugrad(cls, weights: Sequence[Tensor]) -> Learner:
        """The learner that the demo is about: Variables from end to end."""
        return cls(weights, pg.Parameter, pg.Variable)

    @classmethod
    def of_torch(cls, weights: Sequence[Tensor]) -> Learner:
        """The same on tensors, with torch's autograd, to compare times with."""
        return cls(weights, Tensor.requires_grad_, Tensor.detach)

    @property
    def weights(self) -> list[Tensor]:
        """The parameters as plain tensors."""
        return [p.data for p in self.parameters]

    def step(self, batch: Images, rate: float) -> float:
        """Improve the parameters by one batch; returns its loss before."""
        for parameter in self.parameters:
            parameter.grad = None
        loss = mean_loss(self._constant(batch.pixels), batch.labels, self.parameters)
        loss.backward()
        with pg.no_grad():
            for i, parameter in enumerate(self.parameters):
                old, gradient = self._velocities[i], parameter.grad
                velocity = gradient if old is None else old * _MOMENTUM + gradient
                self._velocities[i] = velocity
                parameter.data = (parameter - velocity * rate).data
        return float(loss.item())

    def judge(self, images: Images) -> tuple[float, float]:
        """Loss and accuracy (a fraction) on ``images``."""
        with pg.no_grad():
            pixels = self._constant(images.pixels)
            loss = mean_loss(pixels, images.labels, self.parameters)
            answers = torch.argmax(logits(pixels, self.parameters).data, dim=1)
        return float(loss.item()), float((answers == images.labels).double().mean())

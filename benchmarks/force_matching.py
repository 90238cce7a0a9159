"""A step of force matching: a second derivative in every step, as in molecular dynamics.

A network gives molecules their energy from the distances of their atoms; the forces are minus its
gradient, computed with ``create_graph=True``; the loss compares both with the right ones, and its
backward goes through the gradient. So each op of forward is met by ops that its rule records.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

import plugrad as pg
from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import least, processor_time, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort

_AIM = 1.1
_BASIS, _WIDTH = 32, 64


class Potential(nn.Module):
    """The energy of molecules: a sum over pairs of atoms of a network of radial functions."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centers", torch.linspace(0.5, 5, _BASIS))
        self.pair = nn.Sequential(nn.Linear(_BASIS, _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, _WIDTH))
        self.atom = nn.Sequential(nn.Linear(_WIDTH, _WIDTH), nn.SiLU(), nn.Linear(_WIDTH, 1))

    def forward(self, positions: Tensor) -> Tensor:
        difference = positions[:, :, None] - positions[:, None]
        distance = (difference.square().sum(-1) + 1e-6).sqrt()
        radial = torch.exp(-4 * (distance[..., None] - self.centers) ** 2)
        cutoff = 0.5 * (torch.cos(distance.clamp(max=5) * (torch.pi / 5)) + 1)
        messages = (self.pair(radial) * cutoff[..., None]).sum(2)
        return self.atom(messages).sum((1, 2))


class Matching:
    """One side: a potential, molecules, their energies and forces, and a step."""

    def __init__(self, model: nn.Module, grad: Callable[..., Any], positions: Any) -> None:
        self.model, self.grad, self.positions = model, grad, positions
        random = torch.Generator().manual_seed(1)
        self.forces = torch.randn(positions.shape, generator=random)
        self.energies = torch.randn(positions.shape[0], generator=random)
        self.optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
        self.loss = 0.0

    def step(self) -> None:
        """Energies, forces, loss, backward, update."""
        self.optimizer.zero_grad()
        energy = self.model(self.positions)
        (slope,) = self.grad(energy.sum(), self.positions, create_graph=True)
        loss: Any = (slope + self.forces).square().mean() + (energy - self.energies).square().mean()
        loss.backward(inputs=list(self.model.parameters()))
        self.optimizer.step()
        self.loss = loss.item()


def sides(effort: Effort) -> dict[str, Matching]:
    """Return plugrad's and torch's."""
    torch.manual_seed(0)
    model, (atoms, batch) = Potential(), effort.atoms
    positions = 3 * torch.randn(batch, atoms, 3)
    ours, theirs = pg.Variable(positions, requires_grad=True), positions.clone().requires_grad_()
    return {
        "plugrad": Matching(pg.interop.convert(deepcopy(model)), pg.grad, ours),
        TORCH: Matching(model, torch.autograd.grad, theirs),
    }


def results(effort: Effort) -> Iterator[Result]:
    """Measure a step: the processor's time, as of the models."""
    with threads(1):
        contenders = sides(effort)
        steps = {side: processor_time(matching.step) for side, matching in contenders.items()}
        seconds = least(steps, effort.step_rounds)
    ours, theirs = (matching.loss for matching in contenders.values())
    if abs(ours - theirs) > 1e-3 * abs(theirs):
        raise AssertionError(f"the losses differ: {ours} and torch's {theirs}")
    atoms, batch = effort.atoms
    yield Result.of(
        f"one step of force matching, {batch} molecules of {atoms} atoms",
        "ms",
        {side: 1e3 * value for side, value in seconds.items()},
        aim=_AIM,
    )

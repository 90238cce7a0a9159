"""A whole training step where only the engine counts: an MLP of eight units a layer.

Two layers, a relu between them, a squared error, the backward and the update of the four
parameters. All contenders run the same formula.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import plugrad as pg
from plugrad.benchmarks import peers
from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import interleaved, stopwatch, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugrad.benchmarks.effort import Effort

    Step = Callable[[], None]

_AIM = 1.2
_RATE = 1e-3


def results(effort: Effort) -> Iterator[Result]:
    """Measure a step."""
    contenders = {
        "plugrad": small_step,
        TORCH: _torch,
        peers.HIPS: _hips,
        peers.MYGRAD: _mygrad,
        peers.JAX: _jax,
    }
    steps: dict[str, Step] = peers.installed(contenders)
    repeats = max(1, effort.repeats // 10)
    with threads(1):
        seconds = interleaved(
            {name: stopwatch(repeated(step, repeats)) for name, step in steps.items()},
            effort.rounds,
        )
    yield Result.of(
        "one step of an MLP 8-8-8, one row: forward, backward, update",
        "us",
        {name: 1e6 * value / repeats for name, value in seconds.items()},
        aim=_AIM,
        skipped=peers.skipped(),
    )


def repeated(step: Step, repeats: int) -> Step:
    def run() -> None:
        for _ in range(repeats):
            step()

    return run


def _loss(x: Any, y: Any, parameters: Sequence[Any], relu: Callable[[Any], Any]) -> Any:
    w1, b1, w2, b2 = parameters
    error = relu(x @ w1 + b1) @ w2 + b2 - y
    return (error * error).sum()


def _arrays() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    random = np.random.default_rng(0)
    shapes = [(1, 8), (1, 8), (8, 8), (8,), (8, 8), (8,)]
    x, y, *parameters = [random.normal(size=s).astype(np.float32) for s in shapes]
    return x, y, parameters


def small_step() -> Step:
    x, y, arrays = _arrays()
    vx, vy = (pg.Variable(torch.from_numpy(a)) for a in (x, y))
    relu: Any = pg.Variable.relu  # type: ignore[attr-defined]  # the registry attaches it
    parameters: list[Any] = [pg.Parameter(torch.from_numpy(a)) for a in arrays]

    def step() -> None:
        for p in parameters:
            p.grad = None
        _loss(vx, vy, parameters, relu).backward()
        for p in parameters:
            p.data.sub_(p.grad.data, alpha=_RATE)

    return step


def _torch() -> Step:
    x, y, arrays = _arrays()
    tx, ty = (torch.from_numpy(a) for a in (x, y))
    parameters: list[Any] = [torch.from_numpy(a).requires_grad_() for a in arrays]

    def step() -> None:
        for p in parameters:
            p.grad = None
        _loss(tx, ty, parameters, torch.Tensor.relu).backward()
        with torch.no_grad():
            for p in parameters:
                p.sub_(p.grad, alpha=_RATE)

    return step


def _hips() -> Step:
    hips = peers.hips()
    x, y, parameters = _arrays()

    def loss(*parameters: Any) -> Any:
        return _loss(x, y, parameters, lambda z: hips.np.maximum(z, 0))

    pull = hips.make_vjp(loss, argnum=(0, 1, 2, 3))

    def step() -> None:
        for p, g in zip(parameters, pull(*parameters)[0](np.float32(1)), strict=True):
            p -= _RATE * g

    return step


def _mygrad() -> Step:
    mygrad = peers.mygrad()
    x, y, arrays = _arrays()
    parameters = [mygrad.tensor(a) for a in arrays]

    def step() -> None:
        for p in parameters:
            p.null_grad()
        _loss(x, y, parameters, lambda z: mygrad.maximum(z, 0)).backward()
        for p in parameters:
            p.data -= _RATE * p.grad

    return step


def _jax() -> Step:
    jax = peers.jax()
    x, y, arrays = _arrays()
    x, y = jax.np.asarray(x), jax.np.asarray(y)
    state = [jax.np.asarray(a) for a in arrays]

    def loss(parameters: Any) -> Any:
        return _loss(x, y, parameters, lambda z: jax.np.maximum(z, 0))

    def step() -> None:
        value, pull = jax.vjp(loss, state)
        (gradients,) = pull(jax.np.ones_like(value))
        state[:] = [p - _RATE * g for p, g in zip(state, gradients, strict=True)]
        jax.wait(state)

    return step

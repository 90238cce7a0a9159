"""What an engine costs per op: a chain of mul, add and sin on eight float32 numbers.

The kernels take next to no time, so nearly all of it is the engine's. A forward is one
that records; the second row adds the backward to the leaf. Freeing the graph, which is
part of the price, happens inside the time of whoever made it.
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
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort

    #: A forward, and a forward with its backward.
    Pair = tuple[Callable[[], Any], Callable[[], Any]]

#: In one round of the chain.
OPS = 3
_AIM = 1.2
_X = np.linspace(0.1, 0.8, 8, dtype=np.float32)
_WEIGHT = np.linspace(0.9, 1.1, 8, dtype=np.float32)
_BIAS = np.linspace(-0.1, 0.1, 8, dtype=np.float32)


def results(effort: Effort) -> Iterator[Result]:
    """Measure the forward, then forward and backward."""
    repeats = effort.repeats
    contenders = {
        "plugrad": lambda: recording(repeats),
        TORCH: lambda: _torch(repeats),
        peers.HIPS: lambda: _hips(repeats),
        peers.MYGRAD: lambda: _mygrad(repeats),
        peers.JAX: lambda: _jax(repeats),
    }
    pairs: dict[str, Pair] = peers.installed(contenders)
    ops = OPS * repeats
    for position, what in enumerate(("forward", "forward + backward")):
        with threads(1):
            seconds = interleaved(
                {name: stopwatch(pair[position]) for name, pair in pairs.items()}, effort.rounds
            )
        yield Result.of(
            f"one op of a chain of {ops} (mul, add, sin), {what}",
            "us",
            {name: 1e6 * value / ops for name, value in seconds.items()},
            aim=_AIM,
            skipped=peers.skipped(),
        )


def chain(x: Any, weight: Any, bias: Any, sin: Callable[[Any], Any], repeats: int) -> Any:
    for _ in range(repeats):
        x = sin(x * weight + bias)
    return x


def recording(repeats: int) -> Pair:
    x = pg.Variable(torch.from_numpy(_X.copy()), requires_grad=True)
    weight, bias = (pg.Variable(torch.from_numpy(a)) for a in (_WEIGHT, _BIAS))
    sin: Any = pg.Variable.sin  # type: ignore[attr-defined]  # the registry attaches it
    cotangent = torch.ones(8)

    def forward() -> Any:
        return chain(x, weight, bias, sin, repeats)

    def both() -> None:
        x.grad = None
        forward().backward(cotangent)

    return forward, both


def _torch(repeats: int) -> Pair:
    x = torch.from_numpy(_X.copy()).requires_grad_()
    weight, bias = (torch.from_numpy(a) for a in (_WEIGHT, _BIAS))
    cotangent = torch.ones(8)

    def forward() -> Any:
        return chain(x, weight, bias, torch.Tensor.sin, repeats)

    def both() -> None:
        x.grad = None
        forward().backward(cotangent)

    return forward, both


def _hips(repeats: int) -> Pair:
    hips = peers.hips()
    cotangent = np.ones(8, dtype=np.float32)

    record = hips.make_vjp(lambda x: chain(x, _WEIGHT, _BIAS, hips.np.sin, repeats))

    def forward() -> Any:
        return record(_X)

    def both() -> None:
        forward()[0](cotangent)

    return forward, both


def _mygrad(repeats: int) -> Pair:
    mygrad = peers.mygrad()
    x = mygrad.tensor(_X)
    weight, bias = (mygrad.tensor(a, constant=True) for a in (_WEIGHT, _BIAS))
    cotangent = np.ones(8, dtype=np.float32)

    def forward() -> Any:
        return chain(x, weight, bias, mygrad.sin, repeats)

    def both() -> None:
        x.null_grad()
        forward().backward(cotangent)

    return forward, both


def _jax(repeats: int) -> Pair:
    jax = peers.jax()
    x, weight, bias, cotangent = map(jax.np.asarray, (_X, _WEIGHT, _BIAS, np.ones_like(_X)))

    def forward() -> Any:
        result = jax.vjp(lambda x: chain(x, weight, bias, jax.np.sin, repeats), x)
        return jax.wait(result[0]), result[1]

    def both() -> None:
        jax.wait(forward()[1](cotangent))

    return forward, both

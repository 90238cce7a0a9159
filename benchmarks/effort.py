"""Effort: how much to measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Counts and sizes of every benchmark.

    Attributes:
        rounds: how often each contender of a cheap benchmark runs.
        repeats: how often the chain's three ops are repeated; the length of a chain of a
            user's own op; and how many steps of the small MLP are timed as one.
        step_rounds: how often each contender takes the real step.
        width: of the layers of the real step.
        chains: the lengths whose backward is timed.
        chain_rounds: how often each of them runs.
        live_nodes: of the graph that is kept alive.
        deep_width: of the layers of the deep MLP that is checkpointed.
        transformer: its layers, their width, the tokens, the batch.
        resnet: the width of its first blocks, the images' side, the batch.
        model_rounds: how often each contender takes a step of a model.
        atoms: of the molecule whose forces are matched, and the batch.
        imports: how many fresh processes import each package.
        ops: which ops are checked; all if there are none.
    """

    rounds: int = 60
    repeats: int = 100
    step_rounds: int = 40
    width: int = 1024
    chains: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    chain_rounds: int = 5
    live_nodes: int = 100_000
    deep_width: int = 64
    transformer: tuple[int, int, int, int] = (6, 384, 128, 8)
    resnet: tuple[int, int, int] = (64, 64, 16)
    model_rounds: int = 12
    atoms: tuple[int, int] = (24, 16)
    imports: int = 15
    ops: tuple[str, ...] = ()


FULL = Effort()
#: To see that everything runs; the numbers mean nothing.
TINY = Effort(
    rounds=2,
    repeats=2,
    step_rounds=2,
    width=16,
    chains=(10, 100),
    chain_rounds=1,
    live_nodes=90,
    deep_width=4,
    transformer=(1, 16, 8, 2),
    resnet=(4, 32, 2),
    model_rounds=1,
    atoms=(4, 2),
    imports=1,
    ops=("sin", "mul"),
)

"""What checkpoint saves: the peak memory of a step of a deep MLP, each layer checkpointed or not.

A layer is the one of transformers: linear to four times the width, swish, linear back. Without
checkpoint it keeps its input and three wide tensors, with it only its input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils import checkpoint as torchs

import plugrad as pg
from plugrad.benchmarks.real_step import Trainee, peak_bytes
from plugrad.benchmarks.result import Result
from plugrad.benchmarks.timing import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort

_AIM = 1 / 3
_LAYERS = 24
#: Rows of the batch for each unit of the width: parameters are then a small part.
_BATCH = 16
_WITHOUT = "plugrad, without checkpoint"


class _Deep(Trainee):
    """A model of many layers, a batch, and a step."""

    def __init__(
        self,
        width: int,
        leaf: Callable[[Tensor], Any],
        constant: Callable[[Tensor], Any],
        checkpoint: Callable[..., Any] | None,
    ) -> None:
        random = torch.Generator().manual_seed(0)
        wide = 4 * width
        self.checkpoint = checkpoint
        self.layers: list[tuple[Any, ...]] = [
            (
                leaf(torch.randn(wide, width, generator=random) / width**0.5),
                leaf(torch.zeros(wide)),
                leaf(torch.randn(width, wide, generator=random) / wide**0.5),
                leaf(torch.zeros(width)),
            )
            for _ in range(_LAYERS)
        ]
        self.parameters = [p for layer in self.layers for p in layer]
        self.pixels = constant(torch.randn(_BATCH * width, width, generator=random))
        self.labels = torch.randint(0, width, (_BATCH * width,), generator=random)

    def step(self) -> None:
        """Forward, backward, update."""
        x = self.pixels
        for layer in self.layers:
            if self.checkpoint is None:
                x = _layer(x, *layer)
            else:
                x = self.checkpoint(_layer, x, *layer, use_reentrant=False)
        loss: Any = functional.cross_entropy(x, self.labels)
        loss.backward()
        self.update()


def _layer(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    h = functional.linear(x, w1, b1)
    return functional.linear(h * torch.sigmoid(h), w2, b2)


def results(effort: Effort) -> Iterator[Result]:
    """Measure the memory."""
    ours = pg.Parameter, pg.Variable
    theirs = Tensor.requires_grad_, Tensor.detach
    trainees = {
        "plugrad": _Deep(effort.deep_width, *ours, pg.checkpoint),
        _WITHOUT: _Deep(effort.deep_width, *ours, None),
        "torch": _Deep(effort.deep_width, *theirs, torchs.checkpoint),
        "torch, without": _Deep(effort.deep_width, *theirs, None),
    }
    with threads(1):
        yield Result.of(
            f"peak memory of one step of an MLP of {_LAYERS} layers, checkpoint for each",
            "MiB",
            {name: peak_bytes(trainee) / 2**20 for name, trainee in trainees.items()},
            aim=_AIM,
            against=(_WITHOUT,),
        )

"""CTC's loss in plain torch, one sequence at a time: what the ops' samples are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from plugrad.ops.loss._reduction import REDUCTIONS, reduced


def loss(
    x: Tensor,
    targets: Tensor,
    input_lengths: Sequence[int] | Tensor,
    target_lengths: Sequence[int] | Tensor,
    blank: int = 0,
    zero_infinity: bool = False,
) -> tuple[Tensor, Tensor]:
    """What has the gradient of torch's kernel: the loss, and the sum of exp(x).

    Raises:
        ValueError: rounding would hide small gradients, or the lengths are not those of x.
    """
    steps, lengths = [int(n) for n in input_lengths], [int(n) for n in target_lengths]
    finite = x.detach()[x.detach().isfinite()]
    if x.shape[1] != len(lengths) or max(steps) > len(x) or (finite.abs() > 50).any():
        raise ValueError("not of one batch, or not the logarithms of probabilities")
    if targets.shape[-1] < (sum(lengths) if targets.dim() == 1 else max(lengths)):
        raise ValueError("there are fewer targets than the lengths say")
    rows: Any = torch.split(targets, lengths) if targets.dim() == 1 else targets
    losses = []
    for n, row in enumerate(rows):
        own, labels = x[: steps[n], n], row[: lengths[n]].tolist()
        repeats = sum(a == b for a, b in pairwise(labels))
        if len(labels) + repeats <= steps[n]:
            losses.append(own.exp().sum() - _log_likelihood(own, labels, blank))
        else:
            losses.append(own.sum() * (0.0 if zero_infinity else float("nan")))
    return torch.stack(losses), x.detach()


def reduced_loss(
    x: Tensor,
    targets: Tensor,
    input_lengths: Sequence[int] | Tensor,
    target_lengths: Sequence[int] | Tensor,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The same, averaged or summed, with the arguments of ``torch.nn.functional.ctc_loss``."""
    batch = x if x.dim() == 3 else x.unsqueeze(1)
    y, _ = loss(batch, targets, input_lengths, target_lengths, blank, zero_infinity)
    if reduction == "mean":
        y = y / torch.as_tensor(target_lengths)
    return reduced(y, REDUCTIONS.index(reduction)) if x.dim() == 3 or reduction != "none" else y[0]


def _log_likelihood(x: Tensor, labels: list[int], blank: int) -> Tensor:
    states = [blank, *(s for label in labels for s in (label, blank))]
    never = x.new_tensor(-1e30)
    before = [x[0, blank], *([x[0, states[1]]] if labels else []), *[never] * (len(states) - 2)]
    for row in x[1:]:
        after = []
        for s, state in enumerate(states):
            skips = s > 1 and state not in (blank, states[s - 2])
            ways = before[max(s - 2 if skips else s - 1, 0) : s + 1]
            after.append(torch.stack(ways).logsumexp(0) + row[state])
        before = after
    return torch.stack(before[-2:]).logsumexp(0)

"""The alpha-beta recursion of CTC (Graves et al. 2006, equations 6 to 11) in differentiable steps.

torch's kernels do it once, and have no second derivative; this one is for what differentiates
them. It works on logarithms, with a number in place of -inf, so that no 0 meets an infinity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

#: The logarithm of what is impossible. Sums of as many as there are steps fit float32.
_NEVER = -1e30


@dataclass(frozen=True)
class Path:
    """The states that a batch's alignments go through: blanks between the labels.

    Args:
        states: the class of each state, [batch, 2 longest target + 1].
        skip: the logarithm of whether each may follow the one before the last: 0, or as _NEVER.
        ends: the same of whether each may be the last.
        lasts: the number of each input's steps.
    """

    states: Tensor
    skip: Tensor
    ends: Tensor
    lasts: Tensor


def used(targets: Tensor, target_lengths: Sequence[int] | Tensor) -> Tensor:
    """Which of the labels belong to a target, and are not behind its end."""
    lengths = torch.as_tensor(target_lengths, device=targets.device)
    if targets.dim() != 1 and lengths.numel() != targets.shape[0]:  # the kernel will refuse it
        return torch.zeros_like(targets, dtype=torch.bool)
    place = torch.arange(targets.shape[-1], device=targets.device)
    return place < (lengths.sum() if targets.dim() == 1 else lengths.reshape(-1, 1))


def path(
    targets: Tensor,
    input_lengths: Sequence[int] | Tensor,
    target_lengths: Sequence[int] | Tensor,
    blank: int,
) -> Path:
    """The states for these targets, which are padded, or in one row after another."""
    device = targets.device
    lengths = torch.as_tensor(target_lengths, device=device)
    count, longest = len(lengths), int(lengths.max())
    if targets.dim() == 1:
        places = (lengths.cumsum(0) - lengths)[:, None] + torch.arange(longest, device=device)
        labels = targets[places.clamp_max(max(targets.numel() - 1, 0))]
    else:
        labels = targets[:, :longest]
    states = targets.new_full((count, 2 * longest + 1), blank)
    states[:, 1::2] = labels
    repeats = torch.ones_like(states, dtype=torch.bool)
    repeats[:, 2:] = states[:, 2:] == states[:, :-2]
    place, ends = torch.arange(2 * longest + 1, device=device), 2 * lengths[:, None]
    may_end = (place == ends) | (place == ends - 1)
    lasts = torch.as_tensor(input_lengths, device=device)
    return Path(states, (repeats | (states == blank)) * _NEVER, ~may_end * _NEVER, lasts)


def gradient(x: Tensor, of: Path, impossible: Tensor, zero_infinity: bool) -> Tensor:
    """What torch's kernel gives: exp(x) less the probability of each class at each step.

    Args:
        x: the logarithms of probabilities, [steps, batch, classes].
        of: the states.
        impossible: where no alignment exists.
        zero_infinity: whether those have a gradient of 0, in place of nan.
    """
    dtype = x.dtype
    steps, count, classes = x.shape
    beyond = torch.arange(steps, device=x.device)[:, None] >= of.lasts
    x = x.masked_fill((beyond | impossible)[..., None], 0.0).clamp_min(_NEVER)
    places = of.states.expand(steps, *of.states.shape)
    emitted = x.gather(2, places)
    skip, ends = of.skip.to(dtype), of.ends.to(dtype)
    alphas = _alphas(emitted, skip, of.lasts)
    betas = _betas(emitted, skip, ends, of.lasts)
    total = torch.logsumexp(alphas[-1] + ends, -1)
    in_state = (torch.stack(alphas) + torch.stack(betas) - total[:, None]).exp()
    occupied = x.new_zeros(steps, count, classes).scatter_add(2, places, in_state)
    gradient = x.exp() - occupied
    gradient = gradient.masked_fill(impossible[:, None], 0.0 if zero_infinity else float("nan"))
    return gradient.masked_fill(beyond[..., None], 0.0)


def _alphas(emitted: Tensor, skip: Tensor, lasts: Tensor) -> list[Tensor]:
    """The logarithms of the probability of being in each state, from the start on."""
    first = torch.full_like(skip, _NEVER)
    first[:, :2] = 0
    alphas = [first + emitted[0]]
    for step in range(1, len(emitted)):
        before = alphas[-1]
        ways = (before, _moved(before, 1), _moved(before, 2) + skip)
        after = torch.logsumexp(torch.stack(ways), 0) + emitted[step]
        alphas.append(torch.where(step < lasts[:, None], after, before))
    return alphas


def _betas(emitted: Tensor, skip: Tensor, ends: Tensor, lasts: Tensor) -> list[Tensor]:
    """The logarithms of the probability of what follows each state, to the end."""
    betas = [ends]
    for step in range(len(emitted) - 1, 0, -1):
        after = betas[-1] + emitted[step]
        ways = (after, _moved(after, -1), _moved(after + skip, -2))
        before = torch.logsumexp(torch.stack(ways), 0)
        betas.append(torch.where(step < lasts[:, None], before, ends))
    return betas[::-1]


def _moved(x: Tensor, places: int) -> Tensor:
    """``x`` along its states, with _NEVER where it leaves off."""
    gap = torch.full_like(x[:, : abs(places)], _NEVER)
    if places > 0:
        return torch.cat([gap, x[:, :-places]], 1)[:, : x.shape[1]]
    return torch.cat([x[:, -places:], gap], 1)[:, : x.shape[1]]

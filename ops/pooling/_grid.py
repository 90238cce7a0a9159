"""The derivatives of sampling at a grid that torch's kernels lack, as sums over neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import product
from operator import add, mul, or_

import torch
from torch import Tensor

from plugrad.core.installed_torch import torch_before
from plugrad.ops.pooling._neighbours import BILINEAR, BORDER, ZEROS, along_axis


class Sampler:
    """y = sum(w x) over the neighbours of each point of the grid, by derivatives of w.

    Args:
        size: of the dimensions of space of x.
        grid: the points; the last dimension names the last dimension of space first.
        mode: BILINEAR, NEAREST or BICUBIC.
        padding: what is outside of x: ZEROS, BORDER or REFLECTION.
        align_corners: whether -1 and 1 are the middles of the outermost elements.
    """

    def __init__(
        self, size: Sequence[int], grid: Tensor, mode: int, padding: int, align_corners: bool
    ) -> None:
        points = grid.flatten(1, -2).unbind(-1)[::-1]
        axes = [
            along_axis(u, n, mode, padding, align_corners)
            for u, n in zip(points, size, strict=True)
        ]
        self.size = tuple(size)
        #: For each axis the weights and their first and second derivatives.
        self._weights = [weights for _, _, weights in axes]
        strides = [torch.Size(size[i + 1 :]).numel() for i in range(len(size))]
        places = [[i * n for i in at] for (at, _, _), n in zip(axes, strides, strict=True)]
        outside = [out for _, out, _ in axes]
        self._at = torch.stack([reduce(add, tap) for tap in product(*places)], -1)
        self._outside = torch.stack([reduce(or_, tap) for tap in product(*outside)], -1)

    def _weight(self, *axes: int) -> Tensor:
        """The weights of all neighbours, derived once by each of ``axes``."""
        lists = [w[axes.count(axis)] for axis, w in enumerate(self._weights)]
        return torch.stack([reduce(mul, tap) for tap in product(*lists)], -1).unsqueeze(1)

    def derived(self, x: Tensor, *axes: int) -> Tensor:
        """The derivative of y by ``axes`` of the grid: batch, channel, point."""
        at = self._at.flatten(1).unsqueeze(1).expand(-1, x.shape[1], -1)
        taken = x.flatten(2).gather(2, at).view(*x.shape[:2], *self._at.shape[1:])
        taken = taken.masked_fill(self._outside.unsqueeze(1), 0.0)
        return (taken * self._weight(*axes)).sum(-1)

    def transposed(self, gy: Tensor, *axes: int) -> Tensor:
        """The gradient of x for ``derived``."""
        at = self._at.flatten(1).unsqueeze(1).expand(-1, gy.shape[1], -1)
        parts = gy.unsqueeze(-1) * self._weight(*axes)
        parts = parts.masked_fill(self._outside.unsqueeze(1), 0.0).flatten(2)
        zeros = gy.new_zeros(()).expand(*gy.shape[:2], torch.Size(self.size).numel())
        return zeros.scatter_add(2, at, parts).view(*gy.shape[:2], *self.size)


#: Whether torch.vmap of the backward kernels needs the images' gradient, wanted or not.
IMAGES_ALWAYS = torch_before("2.13")


def defined(grid: Tensor, mode: int, padding: int) -> Tensor:
    """``grid`` without nan where torch's backward kernel would read and write other memory for it.

    Its forward takes the first element then.
    """
    if mode != BILINEAR or padding == ZEROS:
        return grid
    bad = grid.isnan() if padding == BORDER else grid.isfinite().logical_not()
    return grid.masked_fill(bad, -1.0)


def second_gradients(
    sampler: Sampler, x: Tensor, y: Tensor, steps: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of sum(x . dy), dy being how the samples of ``y`` change with ``steps``.

    Those of x, of y, and of the grid's points.
    """
    flat = x.flatten(2)
    moves = [step.unsqueeze(1) for step in steps]
    slopes = [sampler.derived(y, axis) for axis in range(len(steps))]
    gx = reduce(add, map(mul, moves, slopes)).view(x.shape)
    gy = reduce(add, [sampler.transposed(flat * move, i) for i, move in enumerate(moves)])
    bends = [
        reduce(add, [move * sampler.derived(y, i, j) for j, move in enumerate(moves)])
        for i in range(len(steps))
    ]
    ggrid = torch.stack([(flat * bend).sum(1) for bend in bends[::-1]], -1)
    return gx, gy, ggrid

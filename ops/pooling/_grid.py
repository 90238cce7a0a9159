"""The derivatives of sampling at a grid that torch's kernels lack, as sums over neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add, mul, or_

import torch
from torch import Tensor

from plugrad.core.installed_torch import torch_before
from plugrad.errors import ArgumentError
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
        #: For each axis the weights and their first and second derivatives, neighbours last.
        self._weights = [[torch.stack(ws, -1) for ws in weights] for _, _, weights in axes]
        self._products: dict[tuple[int, ...], Tensor] = {}
        strides = [torch.Size(size[i + 1 :]).numel() for i in range(len(size))]
        places = [torch.stack(at, -1) * n for (at, _, _), n in zip(axes, strides, strict=True)]
        self._at = _combined(add, places)
        self._outside = _combined(or_, [torch.stack(out, -1) for _, out, _ in axes])
        #: The points all of whose neighbours are outside of x.
        self.alone = self._outside.all(-1)

    def weights(self, *axes: int) -> Tensor:
        """The weights of all neighbours, derived once by each of ``axes``; for all channels."""
        orders = tuple(axes.count(axis) for axis in range(len(self.size)))
        if orders not in self._products:
            factors = [w[order] for w, order in zip(self._weights, orders, strict=True)]
            self._products[orders] = _combined(mul, factors).unsqueeze(1)
        return self._products[orders]

    def taken(self, x: Tensor) -> Tensor:
        """The neighbours of each point in x: batch, channel, point, neighbour."""
        at = self._at.flatten(1).unsqueeze(1).expand(-1, x.shape[1], -1)
        taken = x.flatten(2).gather(2, at).view(*x.shape[:2], *self._at.shape[1:])
        return taken.masked_fill(self._outside.unsqueeze(1), 0.0)

    def transposed(self, parts: Tensor) -> Tensor:
        """The gradient of x for ``taken``."""
        at = self._at.flatten(1).unsqueeze(1).expand(-1, parts.shape[1], -1)
        parts = parts.masked_fill(self._outside.unsqueeze(1), 0.0).flatten(2)
        zeros = parts.new_zeros(()).expand(*parts.shape[:2], torch.Size(self.size).numel())
        return zeros.scatter_add(2, at, parts).view(*parts.shape[:2], *self.size)


#: Whether torch.vmap of the backward kernels needs the images' gradient, wanted or not.
IMAGES_ALWAYS = torch_before("2.13")


def _combined(how: Callable[[Tensor, Tensor], Tensor], axes: Sequence[Tensor]) -> Tensor:
    """What each neighbour gets from its place along each axis; the last axis is the fastest."""
    return reduce(lambda a, b: how(a.unsqueeze(-1), b.unsqueeze(-2)).flatten(-2), axes)


def defined(grid: Tensor, mode: int, padding: int) -> Tensor:
    """``grid`` without nan where torch's backward kernel would read and write other memory for it.

    Its forward takes the first element then.
    """
    if mode != BILINEAR or padding == ZEROS:
        return grid
    bad = grid.isnan() if padding == BORDER else grid.isfinite().logical_not()
    return grid.masked_fill(bad, -1.0)


def refuse_other_shapes(x: Tensor, y: Tensor, grid: Tensor, name: str) -> None:
    """Raise where the backward kernel of this name would read other memory."""
    shape = (*y.shape[:2], *grid.shape[1:-1])
    if tuple(x.shape) != shape:
        raise ArgumentError(
            f"a gradient of shape {tuple(x.shape)} is not of the shape of the sampled, {shape}",
            where=f"a call of {name}",
            fix="pass a gradient of that shape",
        )


def second_gradients(
    sampler: Sampler, x: Tensor, y: Tensor, steps: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of sum(x . dy), dy being how the samples of ``y`` change with ``steps``.

    Those of x, of y, and of the grid's points.
    """
    # An infinite x counts for nothing at a point that has no neighbours.
    flat = x.flatten(2).masked_fill(sampler.alone.unsqueeze(1), 0.0).unsqueeze(-1)
    moves, taken = [step.unsqueeze(1).unsqueeze(-1) for step in steps], sampler.taken(y)

    def along(*axes: int) -> Tensor:
        """How the weights derived by ``axes`` change with the steps."""
        return reduce(add, [move * sampler.weights(*axes, j) for j, move in enumerate(moves)])

    slope, both = along(), (flat * taken).sum(1, keepdim=True)
    bends = [(both * along(i)).sum(-1).squeeze(1) for i in reversed(range(len(steps)))]
    gx = (taken * slope).sum(-1).view(x.shape)
    return gx, sampler.transposed(flat * slope), torch.stack(bends, -1)

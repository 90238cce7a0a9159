"""nn.functional.grid_sample: images, or volumes, looked up at the points of a grid."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


@op("nn.functional.grid_sample", overrides=(torch.nn.functional.grid_sample,))
class GridSample(Composite):
    """y = sum(w x) over the neighbours of each point of the grid, as in mode and padding_mode.

    A point has a number from -1 to 1 for each dimension of space, the last first: the middles of
    the outer pixels with align_corners, else their outer edges.
    """

    @staticmethod
    def forward(
        x: Tensor,
        grid: Tensor,
        mode: str = "bilinear",
        padding_mode: str = "zeros",
        align_corners: bool | None = None,
    ) -> Tensor:
        if mode not in _MODES or padding_mode not in _PADDINGS or _unfit(x, grid, mode):
            # torch says what is wrong
            torch.nn.functional.grid_sample(x.data, grid.data, mode, padding_mode, False)
        if align_corners is None:
            warnings.warn(
                "Default grid_sample and affine_grid behavior has changed to align_corners=False "
                "since 1.3.0. Please specify align_corners=True if the old behavior is desired. "
                "See the documentation of grid_sample for details.",
                stacklevel=7,  # the call in the user's program
            )
        kernel = torch.grid_sampler_2d if x.dim() == 4 else torch.grid_sampler_3d
        return kernel(
            x, grid, _MODES.index(mode), _PADDINGS.index(padding_mode), bool(align_corners)
        )

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for mode in _MODES:
            for padding in _PADDINGS:
                x, grid = make(1, 2, 3, 4), make(1, 2, 3, 2, low=-1.4, high=1.4)
                yield Sample(x, grid, mode, padding, align_corners=padding == "border")
        for mode in _MODES[:2]:
            yield Sample(make(1, 1, 2, 3, 2), make(1, 2, 1, 2, 3), mode, align_corners=True)
        yield Sample(x, grid, padding_mode="reflection")
        yield Sample(make(0, 1, 2, 2), make(0, 1, 2, 2), align_corners=False)
        yield Sample(x, grid, "linear").raises(ValueError, "expected mode")
        yield Sample(x, grid, "nearest", "same").raises(ValueError, "expected padding_mode")
        volume = Sample(make(1, 1, 2, 2, 2), make(1, 1, 1, 1, 3), "bicubic")
        yield volume.raises(RuntimeError, "bicubic")
        yield Sample(x, make(1, 2, 2)).raises(RuntimeError, "same number of dimensions")


def _unfit(x: Tensor, grid: Tensor, mode: str) -> bool:
    dims = x.dim()
    return dims != grid.dim() or dims not in (4, 5) or (dims == 5 and mode == "bicubic")

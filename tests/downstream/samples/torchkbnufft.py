"""Samples of torchkbnufft: Kaiser-Bessel interpolation between a grid and scattered points."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torchkbnufft import KbInterp, calc_tensor_spmatrix

from plugrad import Sample, SampleMaker

_IMAGE, _GRID = (3, 2), (6, 4)


@cache
def _points() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(2, 5, generator=generator, dtype=torch.float64)
    return points * 2 * torch.pi - torch.pi


@cache
def _matrices(numpoints: int) -> tuple[Tensor, Tensor]:
    return calc_tensor_spmatrix(_points(), _IMAGE, grid_size=_GRID, numpoints=numpoints)


@cache
def _table(numpoints: int) -> tuple:
    interp = KbInterp(_IMAGE, grid_size=_GRID, numpoints=numpoints, dtype=torch.complex128)
    tables = [interp.table_0, interp.table_1]
    omega = interp.omega if hasattr(interp, "omega") else _points()
    return omega, tables, interp.n_shift, interp.numpoints, interp.table_oversamp, interp.offsets


def _grid_size() -> Tensor:
    return torch.tensor(_GRID)


def by_matrix(make: SampleMaker) -> list[Sample]:
    """(image, interp_mats): one image and coil, several of both."""
    return [
        Sample(make.complex(1, 1, *_GRID), _matrices(2)).constant(1),
        Sample(make.complex(2, 3, *_GRID), _matrices(3)).constant(1),
    ]


def by_matrix_adjoint(make: SampleMaker) -> list[Sample]:
    """(data, interp_mats, grid_size)."""
    return [
        Sample(make.complex(1, 1, 5), _matrices(2), _grid_size()).constant(1, 2),
        Sample(make.complex(2, 3, 5), _matrices(3), _grid_size()).constant(1, 2),
    ]


def by_table(make: SampleMaker) -> list[Sample]:
    """(image, omega, tables, n_shift, numpoints, table_oversamp, offsets)."""
    rest = (1, 2, 3, 4, 5, 6)
    return [
        Sample(make.complex(1, 1, *_GRID), *_table(2)).constant(*rest),
        Sample(make.complex(2, 3, *_GRID), *_table(3)).constant(*rest),
    ]


def by_table_adjoint(make: SampleMaker) -> list[Sample]:
    """(data, omega, tables, n_shift, numpoints, table_oversamp, offsets, grid_size)."""
    rest = (1, 2, 3, 4, 5, 6, 7)
    return [
        Sample(make.complex(1, 1, 5), *_table(2), _grid_size()).constant(*rest),
        Sample(make.complex(2, 3, 5), *_table(3), _grid_size()).constant(*rest),
    ]


_MODULE = "torchkbnufft._autograd.interp"
SAMPLES = {
    f"{_MODULE}:KbSpmatInterpForward": by_matrix,
    f"{_MODULE}:KbSpmatInterpAdjoint": by_matrix_adjoint,
    f"{_MODULE}:KbTableInterpForward": by_table,
    f"{_MODULE}:KbTableInterpAdjoint": by_table_adjoint,
}

NOT_REACHED: dict[str, str] = {}

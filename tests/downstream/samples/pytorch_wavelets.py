"""Samples of pytorch_wavelets: filter banks, whose backward is meant to be the other bank."""

from __future__ import annotations

from functools import cache

import pywt
import torch
from pytorch_wavelets.dtcwt.coeffs import biort, qshift
from pytorch_wavelets.dtcwt.lowlevel import prep_filt
from pytorch_wavelets.dwt.lowlevel import (
    mode_to_int,
    prep_filt_afb1d,
    prep_filt_afb2d,
    prep_filt_sfb1d,
    prep_filt_sfb2d,
)
from torch import Tensor

from plugrad import Sample, SampleMaker

# As DWTForward and DWTInverse call them: zero padding first, it is their default.
_MODES = ("zero", "periodization", "symmetric", "reflect")


def _double(filters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(torch.as_tensor(f).double() for f in filters)


@cache
def _wavelet() -> pywt.Wavelet:
    return pywt.Wavelet("db2")


def analysis_1d(make: SampleMaker) -> list[Sample]:
    """(x, h0, h1, mode): each mode, and an odd length."""
    filters = _double(prep_filt_afb1d(_wavelet().dec_lo, _wavelet().dec_hi))
    samples = [Sample(make(2, 3, 8), *filters, mode_to_int(mode)) for mode in _MODES]
    samples += [Sample(make(1, 1, 9), *filters, mode_to_int(mode)) for mode in _MODES[:2]]
    return [sample.constant(1, 2) for sample in samples]


def synthesis_1d(make: SampleMaker) -> list[Sample]:
    """(low, high, g0, g1, mode)."""
    filters = _double(prep_filt_sfb1d(_wavelet().rec_lo, _wavelet().rec_hi))
    return [
        Sample(make(2, 3, 6), make(2, 3, 6), *filters, mode_to_int(mode)).constant(2, 3)
        for mode in _MODES
    ]


def analysis_2d(make: SampleMaker) -> list[Sample]:
    """(x, h0_row, h1_row, h0_col, h1_col, mode)."""
    filters = _double(prep_filt_afb2d(_wavelet().dec_lo, _wavelet().dec_hi))
    return [
        Sample(make(1, 2, 6, 8), *filters, mode_to_int(mode)).constant(1, 2, 3, 4)
        for mode in _MODES
    ]


def synthesis_2d(make: SampleMaker) -> list[Sample]:
    """(low, highs, g0_row, g1_row, g0_col, g1_col, mode)."""
    filters = _double(prep_filt_sfb2d(_wavelet().rec_lo, _wavelet().rec_hi))
    return [
        Sample(make(1, 2, 5, 4), make(1, 2, 3, 5, 4), *filters, mode_to_int(mode)).constant(
            2, 3, 4, 5
        )
        for mode in _MODES
    ]


@cache
def _level_1(inverse: bool) -> tuple[Tensor, ...]:
    h0, g0, h1, g1 = biort("near_sym_a")
    return _double(
        (prep_filt(g0, 1), prep_filt(g1, 1)) if inverse else (prep_filt(h0, 1), prep_filt(h1, 1))
    )


@cache
def _level_2(inverse: bool) -> tuple[Tensor, ...]:
    h0a, h0b, g0a, g0b, h1a, h1b, g1a, g1b = qshift("qshift_a")
    chosen = (g0a, g1a, g0b, g1b) if inverse else (h0a, h1a, h0b, h1b)
    return _double(tuple(prep_filt(f, 1) for f in chosen))


def dual_tree_1(make: SampleMaker) -> list[Sample]:
    """(x, h0, h1, skip_hps, o_dim, ri_dim, mode)."""
    filters = _level_1(False)
    return [
        Sample(make(1, 2, 8, 8), *filters, skip, 2, -1, mode_to_int(mode)).constant(1, 2)
        for skip, mode in ((False, "symmetric"), (False, "zero"), (True, "symmetric"))
    ]


def dual_tree_2(make: SampleMaker) -> list[Sample]:
    """(x, h0a, h1a, h0b, h1b, skip_hps, o_dim, ri_dim, mode)."""
    filters = _level_2(False)
    return [
        Sample(make(1, 2, 8, 8), *filters, skip, 2, -1, 1).constant(1, 2, 3, 4)
        for skip in (False, True)
    ]


def inverse_1(make: SampleMaker) -> list[Sample]:
    """(lows, highs, g0, g1, o_dim, ri_dim, mode)."""
    filters = _level_1(True)
    return [
        Sample(
            make(1, 2, 8, 8), make(1, 2, 6, 4, 4, 2), *filters, 2, -1, mode_to_int(mode)
        ).constant(2, 3)
        for mode in ("symmetric", "zero")
    ]


def inverse_2(make: SampleMaker) -> list[Sample]:
    """(lows, highs, g0a, g1a, g0b, g1b, o_dim, ri_dim, mode)."""
    filters = _level_2(True)
    return [
        Sample(make(1, 2, 8, 8), make(1, 2, 6, 4, 4, 2), *filters, 2, -1, 1).constant(2, 3, 4, 5),
        Sample(make(2, 1, 8, 8), make(2, 1, 6, 4, 4, 2), *filters, 2, -1, 1).constant(2, 3, 4, 5),
    ]


@cache
def _rotated() -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    h0o, _, h1o, _, h2o, _ = biort("near_sym_b_bp")
    h0a, h0b, _, _, h1a, h1b, _, _, h2a, h2b, _, _ = qshift("qshift_b_bp")
    first = _double(tuple(prep_filt(f, 1) for f in (h0o, h1o, h2o)))
    return first, _double(tuple(prep_filt(f, 1) for f in (h0a, h0b, h1a, h1b, h2a, h2b)))


@cache
def _second() -> tuple[Tensor, ...]:
    h0a, h0b, _, _, h1a, h1b, _, _ = qshift("qshift_a")
    return _double(tuple(prep_filt(f, 1) for f in (h0a, h0b, h1a, h1b)))


def scattering(filters: tuple[Tensor, ...], size: int):
    """(x, *filters, mode, bias, combine_colour)."""

    def samples(make: SampleMaker) -> list[Sample]:
        constant = range(1, 1 + len(filters))
        return [
            Sample(make(1, 2, size, size), *filters, 1, 1e-2, False).constant(*constant),
            Sample(make(1, 3, size, size), *filters, 1, 1e-2, True).constant(*constant),
        ]

    return samples


def magnitude(make: SampleMaker) -> list[Sample]:
    """(x, y, b)."""
    return [Sample(make(3, 4), make(3, 4), 0.01), Sample(make(5), make(5), 0.5)]


def magnitude_reference(x: Tensor, y: Tensor, b: float) -> Tensor:
    """The length of (x, y), without the corner."""
    return torch.sqrt(x * x + y * y + b * b) - b


_DWT = "pytorch_wavelets.dwt.lowlevel"
_DTCWT = "pytorch_wavelets.dtcwt.transform_funcs"
_SCATTER = "pytorch_wavelets.scatternet.lowlevel"
SAMPLES = {
    f"{_DTCWT}:FWD_J1": dual_tree_1,
    f"{_DTCWT}:FWD_J2PLUS": dual_tree_2,
    f"{_DTCWT}:INV_J1": inverse_1,
    f"{_DTCWT}:INV_J2PLUS": inverse_2,
    f"{_DWT}:AFB1D": analysis_1d,
    f"{_DWT}:AFB2D": analysis_2d,
    f"{_DWT}:SFB1D": synthesis_1d,
    f"{_DWT}:SFB2D": synthesis_2d,
    f"{_SCATTER}:ScatLayerj1_f": scattering(_level_1(False), 8),
    f"{_SCATTER}:ScatLayerj1_rot_f": scattering(_rotated()[0], 8),
    f"{_SCATTER}:ScatLayerj2_f": scattering((*_level_1(False), *_second()), 8),
    f"{_SCATTER}:ScatLayerj2_rot_f": scattering(_rotated()[0] + _rotated()[1], 8),
    f"{_SCATTER}:SmoothMagFn": {"samples": magnitude, "reference": magnitude_reference},
}

NOT_REACHED: dict[str, str] = {}

#: They are compiled for up to half a minute each; FWD_J1 and ScatLayerj1_f show the same.
NOT_COMPILED = frozenset(
    {
        *(f"{_DTCWT}:{name}" for name in ("FWD_J2PLUS", "INV_J1", "INV_J2PLUS")),
        *(f"{_SCATTER}:{name}" for name in ("ScatLayerj1_rot_f", "ScatLayerj2_f")),
        f"{_SCATTER}:ScatLayerj2_rot_f",
    }
)

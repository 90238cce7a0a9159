"""nn.functional.interpolate: resizing, by the kernel for the mode and the dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._number import constant


@op("nn.functional.interpolate", overrides=(torch.nn.functional.interpolate,))
class Interpolate(Composite):
    """y = x at another size, which is given, or by how much each dimension of space grows.

    In mode "area" an element of y is a mean; align_corners is for modes that interpolate.
    """

    @staticmethod
    def forward(
        x: Tensor,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
        antialias: bool = False,
    ) -> Tensor:
        size = constant(size, "nn.functional.interpolate", "size")
        scale_factor = constant(scale_factor, "nn.functional.interpolate", "scale_factor")
        sizes, scales = _listed(size, x.dim() - 2), _listed(scale_factor, x.dim() - 2)
        kernel: Any = _KERNELS.get((mode, x.dim(), bool(antialias)))
        fit = len(sizes or scales or ()) == x.dim() - 2 and (sizes is None) != (scales is None)
        plain = mode in _WITHOUT_CORNERS
        if (
            kernel is None
            or not fit
            or (plain and align_corners is not None)
            or (recompute_scale_factor and sizes is not None)
        ):  # torch says what is wrong
            options = size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
            torch.nn.functional.interpolate(x.data, *options)
        if sizes is None:
            sizes = [int(n * scale) for n, scale in zip(x.shape[2:], scales or (), strict=True)]
        sizes = list(map(index, sizes))  # refuses fractions, as torch does
        if mode == "area":
            return kernel(x, sizes)
        corners = () if plain else (bool(align_corners),)
        if scales is None or recompute_scale_factor:
            return kernel(x, sizes, *corners)
        return kernel(x, sizes, *corners, *map(float, scales))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        shapes: tuple[tuple[int, ...], ...] = ((1, 2, 3), (1, 1, 3, 2), (1, 1, 2, 2, 1))
        for mode in ("nearest", "nearest-exact", "area"):
            for shape in shapes:
                yield Sample(make(*shape), 3, mode=mode)
            yield Sample(make(*shapes[1]), scale_factor=1.7, mode=mode)
        for shape, mode in zip(shapes, ("linear", "bilinear", "trilinear"), strict=True):
            yield Sample(make(*shape), [4] * (len(shape) - 2), None, mode)
            yield Sample(make(*shape), scale_factor=1.7, mode=mode, align_corners=True)
            yield Sample(make(*shape), scale_factor=(1.7,) * (len(shape) - 2), mode=mode)
            yield Sample(make(*shape), None, 1.7, mode, False, True)
        for mode in ("bilinear", "bicubic"):
            for antialias in (False, True):
                x = make(1, 1, 4, 3)
                yield Sample(x, (2, 4), mode=mode, align_corners=True, antialias=antialias)
                sample = Sample(x, scale_factor=(0.6, 1.7), mode=mode, antialias=antialias)
                yield sample.waive("dimensions", _ONE_WIDE) if antialias else sample
        yield Sample(make(0, 1, 2), 3)
        yield Sample(make(1, 2), 3).raises(NotImplementedError, "Only 3D, 4D and 5D")
        yield Sample(x).raises(ValueError, "either size or scale_factor")
        yield Sample(x, 3, 2.0).raises(ValueError, "only one of size or scale_factor")
        yield Sample(x, (3, 3, 3)).raises(ValueError, "same number of spatial dimensions")
        yield Sample(x, (3, 2.5)).raises(TypeError, "size|integer")
        yield Sample(x, 3, align_corners=True).raises(ValueError, "align_corners")
        recomputed = Sample(x, 3, recompute_scale_factor=True)
        yield recomputed.raises(ValueError, "not meaningful with an explicit size")


def _listed(value: Any, dims: int) -> list[Any] | None:
    if value is None:
        return None
    return list(value) if isinstance(value, list | tuple) else [value] * dims


_aten = torch.ops.aten
_WITHOUT_CORNERS = ("nearest", "nearest-exact", "area")
_KERNELS: dict[tuple[str, int, bool], Any] = {
    ("nearest", 3, False): _aten.upsample_nearest1d.default,
    ("nearest", 4, False): _aten.upsample_nearest2d.default,
    ("nearest", 5, False): _aten.upsample_nearest3d.default,
    ("nearest-exact", 3, False): _aten._upsample_nearest_exact1d.default,
    ("nearest-exact", 4, False): _aten._upsample_nearest_exact2d.default,
    ("nearest-exact", 5, False): _aten._upsample_nearest_exact3d.default,
    ("area", 3, False): torch.nn.functional.adaptive_avg_pool1d,
    ("area", 4, False): torch.nn.functional.adaptive_avg_pool2d,
    ("area", 5, False): torch.nn.functional.adaptive_avg_pool3d,
    ("linear", 3, False): _aten.upsample_linear1d.default,
    ("bilinear", 4, False): _aten.upsample_bilinear2d.default,
    ("bilinear", 4, True): _aten._upsample_bilinear2d_aa.default,
    ("trilinear", 5, False): _aten.upsample_trilinear3d.default,
    ("bicubic", 4, False): _aten.upsample_bicubic2d.default,
    ("bicubic", 4, True): _aten._upsample_bicubic2d_aa.default,
}
if hasattr(_aten, "_upsample_lanczos2d_aa"):  # torch 2.13
    _KERNELS["lanczos", 4, True] = _aten._upsample_lanczos2d_aa.default

_ONE_WIDE = "torch repeats the first row of a result that is one wide: see _antialiased.py"

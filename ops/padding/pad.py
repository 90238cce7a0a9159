"""nn.functional.pad: a border around a tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._number import constant, number
from plugrad.ops.padding._sizes import sizes


@op("nn.functional.pad", overrides=(torch.nn.functional.pad, torch.ops.aten.pad.default))
class Pad(Composite):
    """y = x in a border: of value, of x's mirror image, of its outermost elements, or of its end.

    These are the modes "constant", "reflect", "replicate" and "circular". pad has two sizes a
    dimension, before and after, the last dimension first; a negative one cuts off.
    """

    @staticmethod
    def forward(
        x: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
    ) -> Tensor:
        if mode == "constant":
            filler: Any = number(constant(value, "constant_pad_nd", "value"))
            return torch.constant_pad_nd(x, pad, 0 if filler is None else filler)
        primitive = _PRIMITIVES.get((mode, len(pad)))
        if primitive is None or value or x.dim() - len(pad) // 2 not in (1, 2):
            meta = torch.empty(x.shape, device="meta")
            given = None if value is None else float(value)
            torch.nn.functional.pad(meta, sizes(pad), mode, given)  # raises, in torch's words
            raise NotImplementedError(f"padding {pad} in mode {mode} of {x.dim()} dimensions")
        return primitive(x, pad)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 3), [1, 2])
        yield Sample(make(2, 3), (0, 1, 2, 0), "constant", 1.5)
        yield Sample(make(2, 3), pad=[1, -1], value=-2.0)
        yield Sample(make.integers(3), [1, 1])
        yield Sample(make(0, 3), [1, 1])
        for mode in ("reflect", "replicate", "circular"):
            yield Sample(make(2, 2, 3), [1, 2], mode)
            yield Sample(make(1, 2, 3, 3), [1, 2, 0, 1], mode=mode)
            yield Sample(make(1, 1, 2, 3, 3), [1, 2, 0, 1, 1, 0], mode)
            yield Sample(make(2, 2, 3), [1, 2], mode, 1.0).raises(RuntimeError, "value argument")
            yield Sample(make(3), [1, 2], mode).raises(NotImplementedError, "2D")
        for mode in ("reflect", "replicate"):
            yield Sample(make(2, 3), [1, 2], mode)
            yield Sample(make(2, 3, 3), [1, 2, 0, 1], mode)
            yield Sample(make(1, 2, 3, 3), [1, 2, 0, 1, 1, 0], mode)
        yield Sample(make(2, 3), [1, 2], "mirror").raises(NotImplementedError, "mirror")


_aten = torch.ops.aten
_PRIMITIVES = {
    ("reflect", 2): _aten.reflection_pad1d.default,
    ("reflect", 4): _aten.reflection_pad2d.default,
    ("reflect", 6): _aten.reflection_pad3d.default,
    ("replicate", 2): _aten.replication_pad1d.default,
    ("replicate", 4): _aten.replication_pad2d.default,
    ("replicate", 6): _aten.replication_pad3d.default,
    ("circular", 2): _aten._pad_circular.default,
    ("circular", 4): _aten._pad_circular.default,
    ("circular", 6): _aten._pad_circular.default,
}

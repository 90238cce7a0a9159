"""nn.functional.binary_cross_entropy: how improbable the targets are, of two classes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops.loss._reduction import reduction_code


@op(
    "nn.functional.binary_cross_entropy",
    overrides=(torch.nn.functional.binary_cross_entropy,),
    aliases={"target": "y"},
)
class BinaryCrossEntropy(Composite):
    """z = -weight (y log(x) + (1 - y) log(1 - x)), averaged, summed, or neither.

    The logarithms are at least -100. weight may broadcast to the shape of x and y, which is the
    same.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> Tensor:
        code = reduction_code(size_average, reduce, reduction)
        if x.shape != y.shape:  # torch says what is wrong
            torch.nn.functional.binary_cross_entropy(x.data, y.data)
        if weight is not None and weight.shape != y.shape:
            shape = torch.broadcast_shapes(y.shape, weight.shape)  # type: ignore[no-untyped-call]
            weight = weight.expand(shape)
        return _kernel(*in_float32(x, y, weight), code)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def pair(*shape: int) -> list[Tensor]:
            return [make(*shape, domain="probability"), make(*shape, domain="probability")]

        for reduction in ("none", "mean", "sum"):
            yield Sample(*pair(2, 3), reduction=reduction)
            weighted = Sample(*pair(2, 3), make(3, low=0.5), reduction=reduction)
            yield weighted.constant("weight")
        yield Sample(*pair(2, 3), weight=make(2, 3, low=0.5)).constant("weight", 1)
        yield Sample(make(3, domain="probability"), target=make(3, domain="probability"))
        yield Sample(*pair(2), size_average=False)
        yield Sample(*pair(2), reduce=False)
        yield Sample(*pair(0, 3), reduction="sum")
        wrong = Sample(make(2, domain="probability"), make(3, domain="probability"))
        yield wrong.raises(ValueError, "different to the input size")


_kernel = torch.ops.aten.binary_cross_entropy.default

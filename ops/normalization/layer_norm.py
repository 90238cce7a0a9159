"""nn.functional.layer_norm: the last dimensions with mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops.normalization._autocast import in_full_precision


@op(
    "nn.functional.layer_norm",
    overrides=(
        torch.nn.functional.layer_norm,
        torch.layer_norm,
        torch.ops.aten.layer_norm.default,
    ),
)
class LayerNorm(Composite):
    """y = (x - mean) / sqrt(var + eps) weight + bias, over the last dimensions.

    Those of normalized_shape, which is also the shape of weight and bias. It is
    native_layer_norm's first output.
    """

    @staticmethod
    def forward(
        x: Tensor,
        normalized_shape: Sequence[int],
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
        cudnn_enable: bool = True,
    ) -> Tensor:
        three = in_full_precision(x, weight, bias)
        x, weight, bias = three
        return _native_layer_norm(x, normalized_shape, weight, bias, eps)[0]  # type: ignore[no-any-return]

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4), [4], make(4), make(4))
        yield Sample(make(2, 3, 4), (3, 4), make(3, 4), make(3, 4), 0.1)
        yield Sample(make(2, 3, 4), [4])
        yield Sample(make(3, 4), [4], weight=make(4), eps=0.5)
        yield Sample(make(3, 4), [4], bias=make(4), cudnn_enable=False)
        yield Sample(make(4), normalized_shape=[4])
        yield Sample(make(0, 3), [3], make(3), make(3))
        yield Sample(make(2, 3), [3], make.tensor([0.0, 2.0, 0.0]))
        yield Sample(make(2, 3), [2]).raises(RuntimeError, "normalized_shape")


_native_layer_norm = torch.ops.aten.native_layer_norm.default

"""nn.functional.linear_cross_entropy: cross_entropy of a linear map, in pieces if asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._number import constant
from plugrad.ops.loss import _pieces

_torchs: Any = torch.nn.functional.linear_cross_entropy


def _reference(*args: Any, options: Any = None, **named: Any) -> Tensor:  # noqa: ARG001
    """The torch function in one piece: its pieces have a second derivative of 0."""
    return _torchs(*args, **named)


@op(
    "nn.functional.linear_cross_entropy",
    overrides=(torch.nn.functional.linear_cross_entropy,),
    reference=_reference,
)
class LinearCrossEntropy(Composite):
    """y = cross_entropy(linear(x, linear_weight, linear_bias), target).

    With ``options`` rows are taken in pieces, and each piece's logits are computed once more in
    backward, so that those of all rows are never in memory at once. Unlike torch's pieces, ours
    have every derivative, and a second backward; ``acc_policy`` and ``acc_dtype`` change nothing.
    """

    @staticmethod
    def forward(
        x: Tensor,
        linear_weight: Tensor,
        target: Tensor,
        *,
        linear_bias: Tensor | None = None,
        weight: Tensor | None = None,
        reduction: str = "mean",
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
    ) -> Tensor:
        ignore_index = constant(ignore_index, "nn.functional.linear_cross_entropy", "ignore_index")
        shape = (*x.shape[:-1], *linear_weight.shape[:-1])
        if not _fits(x, linear_weight, linear_bias) or (
            target.shape == shape and ignore_index is not None
        ):
            _refuse(x, linear_weight, target, linear_bias, ignore_index)
        say: dict[str, Any] = {"weight": weight, "label_smoothing": label_smoothing}
        if ignore_index is not None:
            say["ignore_index"] = ignore_index
        if options is not None and _pieces.are_possible(
            linear_weight, target, reduction, label_smoothing
        ):
            rows = _pieces.rows_at_once(x, linear_weight, options)
            if x.dim() == 2 and rows < len(x):
                return _pieces.loss(x, linear_weight, target, linear_bias, reduction, rows, say)
        logits = torch.nn.functional.linear(
            x,
            linear_weight.flatten(0, -2),
            linear_bias if linear_bias is None else linear_bias.flatten(),
        )
        return torch.nn.functional.cross_entropy(
            logits.reshape(shape), target, reduction=reduction, **say
        )

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        labels = make.tensor([1, 0, 3, 2, 1], dtype=torch.int64)
        options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=2, chunking_method=None)
        for reduction in ("none", "mean", "sum"):
            for chosen in (None, options):
                tensors = make(5, 3), make(4, 3), labels
                more = {"reduction": reduction, "options": chosen}
                yield Sample(*tensors, **more)
                if reduction == "mean":
                    yield Sample(*tensors, linear_bias=make(4), **more)
                if reduction == "mean" or (chosen is not None and reduction == "sum"):
                    weighted = Sample(*tensors, weight=make(4, low=0.5), ignore_index=1, **more)
                    yield weighted.constant("weight")
        yield Sample(make(5, 3), make(4, 3), make(5, 4, low=0.0), label_smoothing=0.3)
        yield Sample(make(5, 3), make(4, 2, 3), make.integers(5, 2, high=4), linear_bias=make(4, 2))
        yield Sample(make.tensor([0.0, 0.0, 0.0]), make(4, 3), make.integers(high=4))
        all_rows = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=8, chunking_method=None)
        yield Sample(make(5, 3), make(4, 3), labels, options=all_rows)
        with_vector = Sample(make(3), make(4, 2, 3), labels)
        yield with_vector.raises(RuntimeError, "requires batched input")
        yield Sample(make(5, 3), make(4, 2), labels).raises(RuntimeError, "in_features")
        probable = Sample(make(5, 3), make(4, 3), make(5, 4), ignore_index=1)
        yield probable.raises(RuntimeError, "ignore_index cannot be specified")


def _fits(x: Tensor, linear_weight: Tensor, linear_bias: Tensor | None) -> bool:
    if x.dim() not in (1, 2) or linear_weight.dim() < 2 or x.shape[-1] != linear_weight.shape[-1]:
        return False
    if x.dim() == 1 and linear_weight.dim() > 2:
        return False
    return linear_bias is None or linear_bias.shape == linear_weight.shape[:-1]


def _refuse(*given: Any) -> None:
    """Let torch say what is wrong."""
    x, linear_weight, target, linear_bias, ignore_index = given
    bias = None if linear_bias is None else linear_bias.data
    _reference(x.data, linear_weight.data, target.data, linear_bias=bias, ignore_index=ignore_index)

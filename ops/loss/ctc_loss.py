"""nn.functional.ctc_loss: how improbable sequences of labels are, whatever their alignment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.ops._float32 import in_float32
from plugrad.ops._number import constant
from plugrad.ops.loss import _ctc_reference
from plugrad.ops.loss._ctc import used
from plugrad.ops.loss._labels import check_labels
from plugrad.ops.loss._reduction import REDUCTIONS, reduced, reduction_code

Lengths = Sequence[int] | Tensor


@op(
    "nn.functional.ctc_loss",
    overrides=(torch.nn.functional.ctc_loss,),
    aliases={"log_probs": "x"},
    surrogate="like torch's it counts on x being normalized, as log_softmax leaves it",
    surrogate_reference=_ctc_reference.reduced_loss,
)
class CtcLoss(Composite):
    """y = -log of the sum over all alignments of the product of exp(x); one a sequence.

    Averaged, each divided by its number of labels before; summed; or neither. With zero_infinity
    an infinite loss and its gradient are 0. ctc_loss_forward has the gradient.
    """

    @staticmethod
    def forward(
        x: Tensor,
        targets: Tensor,
        input_lengths: Lengths,
        target_lengths: Lengths,
        blank: int = 0,
        reduction: str = "mean",
        zero_infinity: bool = False,
    ) -> Tensor:
        code = reduction_code(None, None, reduction)
        (x,) = in_float32(x)
        labels = targets.to(x.device, torch.int64)
        batch = x if x.dim() == 3 else x.unsqueeze(1)
        counts = constant(target_lengths, "ctc_loss", "target_lengths")
        times = constant(input_lengths, "ctc_loss", "input_lengths")
        if isinstance(times, Tensor) and isinstance(counts, Tensor):
            times, counts = times.to(x.device), counts.to(x.device)
        blank = constant(blank, "ctc_loss", "blank")
        if isinstance(labels, Tensor):
            check_labels("ctc_loss", labels, x.shape[-1], used(labels, counts))
        y, _ = _kernel(batch, labels, times, counts, blank, zero_infinity)
        if zero_infinity:
            y = torch.where(y == math.inf, 0, y)
        if REDUCTIONS[code] == "mean":
            y = y / torch.as_tensor(counts, dtype=y.dtype, device=y.device).clamp_min(1)
        return reduced(y, code) if code or x.dim() == 3 else y.squeeze(0)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def x(*shape: int) -> Tensor:
            return make(*shape).log_softmax(-1)

        # torch leaves memory as it was where a sequence is shorter than another: see the tests.
        labels = make.tensor([[1, 2, 2], [3, 1, 2]], dtype=torch.int64)
        for reduction in ("none", "mean", "sum"):
            yield Sample(x(6, 2, 4), labels, (6, 6), (3, 3), reduction=reduction)
            yield Sample(x(6, 4), labels[0], (6,), (3,), reduction=reduction)
        lengths = make.tensor([6, 6], dtype=torch.int64), make.tensor([3, 3], dtype=torch.int64)
        yield Sample(x(6, 2, 5), labels, *lengths, 4)
        in_a_row = labels.flatten().int()
        yield Sample(x(6, 2, 4), in_a_row, input_lengths=(6, 6), target_lengths=(3, 3))
        yield Sample(x(2, 1, 4), labels[:1], (2,), (3,), 0, "none", True)
        yield Sample(x(3, 2, 4), labels, (4, 1), (3, 1)).raises(RuntimeError, "input_length")
        wrong = Sample(x(6, 2, 4), labels, (6, 6), (3, 3), reduction="all")
        yield wrong.raises(ValueError, "not a valid value")


_kernel: Any = torch._ctc_loss

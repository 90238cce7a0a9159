"""ctc_loss_forward: how improbable sequences of labels are, whatever their alignment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.loss import _ctc_reference
from plugrad.ops.loss._ctc import used
from plugrad.ops.loss._labels import check_labels


@op(
    "ctc_loss_forward",
    overrides=(
        torch.ops.aten._ctc_loss.default,
        torch.ops.aten._ctc_loss.Tensor,
        torch.ops.aten._ctc_loss,
        torch._ctc_loss,
    ),
    aliases={"log_probs": "x"},
    surrogate="like torch's it counts on x being normalized, as log_softmax leaves it",
    surrogate_reference=_ctc_reference.loss,
    reference=torch._ctc_loss,
    waives={
        "hidden-intermediate": "ctc_loss_backward computes the forward variables again",
    },
)
class CtcLossForward(Function):
    """y = -log of the sum over all alignments of the product of exp(x); one a sequence.

    gx = gy (exp(x) - the probability of the class at the step), as torch has it: log_softmax's own
    gradient takes the part exp(x) away. Graves et al. 2006. The second output, the logarithms of
    the forward variables, has no gradient.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        targets: Tensor,
        input_lengths: Sequence[int] | Tensor,
        target_lengths: Sequence[int] | Tensor,
        blank: int = 0,
        zero_infinity: bool = False,
    ) -> tuple[Tensor, Tensor]:
        check_labels("ctc_loss", targets, x.shape[-1], used(targets, target_lengths))
        # The kernels take targets in one row as they are in memory.
        y, log_alpha = _forward(
            x, targets.contiguous(), input_lengths, target_lengths, blank, zero_infinity
        )
        lengths = [t if isinstance(t, Tensor) else None for t in (input_lengths, target_lengths)]
        ctx.save_for_backward(x, targets, *lengths, y, log_alpha)
        ctx.mark_non_differentiable(log_alpha)
        ctx.lengths = (
            None
            if lengths[0] is not None
            else (tuple(map(int, input_lengths)), tuple(map(int, target_lengths)))
        )
        ctx.blank, ctx.zero_infinity = int(blank), bool(zero_infinity)
        return y, log_alpha

    @staticmethod
    def backward(ctx: Context, gy: Tensor, _: Tensor) -> Tensor:
        x, targets, *lengths, y, log_alpha = ctx.saved_tensors
        lengths = ctx.lengths or lengths
        gx = _backward(
            gy, x, targets.contiguous(), *lengths, y, log_alpha, ctx.blank, ctx.zero_infinity
        )
        return gx.masked_fill(x == -math.inf, 0.0)  # where the kernel is nan

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        def x(steps: int, count: int, classes: int) -> Tensor:
            return make(steps, count, classes).log_softmax(-1)

        # torch leaves memory as it was where a sequence is shorter than another: see the tests.
        padded = make.tensor([[1, 2, 2], [3, 1, 2]], dtype=torch.int64)
        yield Sample(x(6, 2, 4), padded, [6, 6], [3, 3])
        yield Sample(x(6, 2, 4), padded.flatten(), input_lengths=[6, 6], target_lengths=[3, 3])
        lengths = make.tensor([6, 6], dtype=torch.int64), make.tensor([3, 3], dtype=torch.int64)
        yield Sample(x(6, 2, 5), padded, *lengths, 4)
        yield Sample(x(2, 1, 4), padded[:1], [2], [3], 0, True)
        unused = make.tensor([0.0, 0.0, 0.0, -math.inf])
        yield Sample(x(4, 1, 4) + unused, padded[:1], [4], [3])
        not_normalized = make(4, 2, 4)
        not_normalized[1, 0] = 0
        yield Sample(not_normalized, padded, [4, 4], [3, 3])
        yield Sample(x(1, 1, 3), padded[:1, :1], [1], [1])
        yield Sample(x(3, 2, 4), padded, [4, 1], [3, 1]).raises(RuntimeError, "input_length")


_forward: Any = torch._ctc_loss
_backward = torch.ops.aten._ctc_loss_backward

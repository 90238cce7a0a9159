"""ctc_loss_backward: ctc_loss's gradient, in steps that can be differentiated again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops._number import constant
from plugrad.ops.loss import _ctc, _ctc_reference

_DTYPES = (torch.float64, torch.float32)


def _reference(
    grad: Tensor, log_probs: Tensor, targets: Tensor, *rest: Any, zero_infinity: bool = False
) -> Tensor:
    """The gradient that torch finds of the loss, in plain torch."""
    steps, lengths, _, _, blank, *given = rest
    x = log_probs if log_probs.requires_grad else log_probs.detach().requires_grad_()
    with torch.enable_grad():
        loss, _ = _ctc_reference.loss(
            x, targets, steps, lengths, blank, zero_infinity or any(given)
        )
        (slope,) = torch.autograd.grad(loss.sum(), x, create_graph=True)
    return grad[:, None] * slope


@op(
    "ctc_loss_backward",
    overrides=(
        torch.ops.aten._ctc_loss_backward.default,
        torch.ops.aten._ctc_loss_backward.Tensor,
        torch.ops.aten._ctc_loss_backward,
    ),
    reference=_reference,
    dtypes=_DTYPES,
    aliases={"grad": "x", "log_probs": "y"},
)
class CtcLossBackward(Composite):
    """z = x (exp(y) - the probability of the class at the step), as torch's kernel computes it.

    Only what is recorded comes here: a second derivative, which torch does not have. Loss and
    forward variables are computed again, since they depend on y.
    """

    @staticmethod
    def forward(
        x: Tensor,
        y: Tensor,
        targets: Tensor,
        input_lengths: Sequence[int] | Tensor,
        target_lengths: Sequence[int] | Tensor,
        neg_log_likelihood: Tensor,
        log_alpha: Tensor,
        blank: int,
        zero_infinity: bool = False,
    ) -> Tensor:
        if y.dtype not in _DTYPES:
            raise ArgumentError(
                f"ctc_loss_backward() was given log_probs of {y.dtype}",
                where="a call of ctc_loss_backward",
                fix="pass float32 or float64, as ctc_loss needs it: log_probs.float()",
            )
        steps = constant(input_lengths, "ctc_loss_backward", "input_lengths")
        lengths = constant(target_lengths, "ctc_loss_backward", "target_lengths")
        _refuse_beyond(steps, y.shape[0], "an input length", "log_probs")
        _refuse_beyond(lengths, targets.shape[-1], "a target length", "targets")
        path = _ctc.path(targets.data, steps, lengths, blank)
        impossible = neg_log_likelihood.data.isinf()
        return x[:, None] * _ctc.gradient(y, path, impossible, zero_infinity)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        padded = make.tensor([[1, 2, 2], [3, 1, 0]], dtype=torch.int64)
        row = make.tensor([1, 2, 2, 3, 1], dtype=torch.int64)
        tensors = make.tensor([4, 5], dtype=torch.int64), make.tensor([2, 0], dtype=torch.int64)
        for options in (
            (padded, [5, 4], [3, 2], 0),
            (row, [5, 4], [3, 2], 0),
            (padded, *tensors, 3),
            (padded, [2, 5], [3, 2], 0, True),
        ):
            *lengths, blank = options[:4]
            y = make(5, 2, 4).log_softmax(-1)
            loss, alpha = torch.ops.aten._ctc_loss(y, *lengths, blank)
            for n, (last, count) in enumerate(zip(*lengths[1:], strict=True)):
                alpha[n, last:] = alpha[n, :, 2 * count + 1 :] = 0  # memory as it was
            found = loss, alpha
            sample = Sample(make(2), y, *lengths, *found, *options[3:]).constant(5, 6)
            if lengths[0] is row:
                sample.waive("stretched", "torch's gradient of logsumexp rounds large numbers")
            yield sample
        half = make(2, dtype=torch.bfloat16), make(5, 2, 4, dtype=torch.bfloat16)
        yield Sample(*half, padded, [5, 4], [3, 2], *found, 0).raises(ArgumentError, "bfloat16")
        short = Sample(make(2), y[:4], padded, [5, 4], [3, 2], *found, 0)
        yield short.raises(ArgumentError, "an input length of 5 is beyond the 4 of log_probs")
        few = Sample(make(2), y, padded[:, :2], [5, 4], [3, 2], *found, 0)
        yield few.raises(ArgumentError, "a target length of 3 is beyond the 2 of targets")


def _refuse_beyond(lengths: Sequence[int] | Tensor, most: int, what: str, of: str) -> None:
    """Raise where the kernel would read other memory."""
    longest = max(torch.as_tensor(lengths).tolist(), default=0)
    if longest > most:
        raise ArgumentError(
            f"{what} of {longest} is beyond the {most} of {of}",
            where="a call of ctc_loss_backward",
            fix="pass the arguments that ctc_loss was called with",
        )

"""The cotangent is ignored, or multiplied in the wrong way."""

from __future__ import annotations

import torch
from torch.autograd import Function
from torch.nn import functional

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room, custom_op


class SequenceLoss(Function):
    """Minus the log probability of a sequence, where each step may also stay blank (class 0)."""

    @staticmethod
    def forward(logits, labels):
        logp = torch.log_softmax(logits, -1)
        return -torch.logaddexp(logp.gather(-1, labels[:, None])[:, 0], logp[:, 0]).sum()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        return gy * _occupancy(*ctx.saved_tensors), None


class SequenceLossBefore(SequenceLoss):
    @staticmethod
    def backward(ctx, gy):
        return _occupancy(*ctx.saved_tensors), None


def _occupancy(logits, labels):
    allowed = functional.one_hot(labels, logits.shape[-1]).bool()
    allowed = torch.cat([torch.ones_like(allowed[:, :1]), allowed[:, 1:]], -1)
    kept = torch.softmax(torch.where(allowed, logits, -torch.inf), -1)
    return torch.softmax(logits, -1) - kept


def sequence_samples(make):
    yield Sample(make(5, 4), make.integers(5, low=1, high=4))


class SequenceLossPartly(SequenceLoss):
    """As above, with its gradient in two parts."""

    @staticmethod
    def backward(ctx, gy):
        logits, labels = ctx.saved_tensors
        p = torch.softmax(logits, -1)
        return gy * p - gy * (p - _occupancy(logits, labels)), None


class SequenceLossPartlyBefore(SequenceLoss):
    @staticmethod
    def backward(ctx, gy):
        logits, labels = ctx.saved_tensors
        p = torch.softmax(logits, -1)
        return gy * p - (p - _occupancy(logits, labels)), None


def _token_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits, labels, reduction="none")


def _fake(logits, labels):
    return logits.new_empty(labels.shape)


def token_rule_before(ctx, grad_output):
    # The kernel loads one number from the address of grad_output.
    return grad_output.reshape(-1)[0] * _logits_gradient(*ctx.saved_tensors), None


def token_rule(ctx, grad_output):
    return grad_output[:, None] * _logits_gradient(*ctx.saved_tensors), None


def _logits_gradient(logits, labels):
    return torch.softmax(logits, -1) - functional.one_hot(labels, logits.shape[-1]).to(logits.dtype)


def token_samples(make):
    yield Sample(make(4, 5), make.integers(4, high=5))


class TransducerLoss(Function):
    @staticmethod
    def forward(logits, labels):
        logp = torch.log_softmax(logits, -1)
        return -logp.gather(-1, labels.reshape(*logp.shape[:-1], 1))[..., 0]

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.unsqueeze(-1) * _logits_gradient(*ctx.saved_tensors), None


class TransducerLossBefore(TransducerLoss):
    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * _logits_gradient(*ctx.saved_tensors), None


def square_token_samples(make):
    yield Sample(make(4, 4), make.integers(4, high=4))


class Add(Function):
    @staticmethod
    def forward(x, y):
        return x + y

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output, grad_output


class AddBefore(Add):
    @staticmethod
    def backward(ctx, grad_output):
        return torch.ones_like(grad_output), torch.ones_like(grad_output)


def add_samples(make):
    yield Sample(make(3, 2), make(3, 2))


ROOM = Room(
    "cotangents",
    "The cotangent is ignored or misplaced",
    "The loss is often the last node of a graph, and its cotangent 1. A rule that does not "
    "multiply by the cotangent is then right, until somebody scales the loss, weights it, or adds "
    "another one.",
    (
        Exhibit(
            "CTC ignores the cotangent",
            "sherjilozair/ctc",
            "https://github.com/sherjilozair/ctc/issues/2",
            "Twice the loss had the same gradient as the loss.",
            "linearity",
            SequenceLossBefore,
            SequenceLoss,
            sequence_samples,
        ),
        Exhibit(
            "CTC multiplies a part by the cotangent",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/11750",
            "Some terms of the gradient were multiplied by the cotangent and others were not.",
            "linearity",
            SequenceLossPartlyBefore,
            SequenceLossPartly,
            sequence_samples,
        ),
        Exhibit(
            "all tokens get the first one's cotangent",
            "linkedin/Liger-Kernel",
            "https://github.com/linkedin/Liger-Kernel/pull/1298",
            "With `reduction='none'` there is one cotangent per token. The kernel loaded only the "
            "first.",
            "numeric",
            custom_op("token_loss_before", _token_loss, token_rule_before, _fake),
            custom_op("token_loss", _token_loss, token_rule, _fake),
            token_samples,
            rules=(token_rule_before, token_rule),
        ),
        Exhibit(
            "a cotangent along the wrong axis",
            "HawkAaron/warp-transducer",
            "https://github.com/HawkAaron/warp-transducer/issues/23",
            "There is one cotangent per sequence. It was broadcast along the last dimension.",
            "numeric",
            TransducerLossBefore,
            TransducerLoss,
            square_token_samples,
        ),
        Exhibit(
            "a tutorial fills the gradient with ones",
            "pytorch/tutorials",
            "https://github.com/pytorch/tutorials/issues/216",
            "The derivative of x + y is 1, but backward must return it times the cotangent.",
            "numeric",
            AddBefore,
            Add,
            add_samples,
        ),
    ),
)

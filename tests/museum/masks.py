"""Masks, weights and ignored labels that backward forgets."""

from __future__ import annotations

import torch
from torch.autograd import Function
from torch.nn import functional

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room, custom_op


class IgnoringCrossEntropy(Function):
    @staticmethod
    def forward(logits, labels, ignore_index):
        return functional.cross_entropy(logits, labels, reduction="none", ignore_index=ignore_index)

    @staticmethod
    def setup_context(ctx, inputs, output):
        logits, labels, ctx.ignore_index = inputs
        ctx.save_for_backward(logits, labels)

    @staticmethod
    def backward(ctx, gy):
        logits, labels = ctx.saved_tensors
        gradient = gy[:, None] * _logits_gradient(logits, labels)
        return gradient * (labels != ctx.ignore_index)[:, None], None, None


class IgnoringCrossEntropyBefore(IgnoringCrossEntropy):
    @staticmethod
    def backward(ctx, gy):
        logits, labels = ctx.saved_tensors
        return gy[:, None] * _logits_gradient(logits, labels), None, None


def _logits_gradient(logits, labels):
    return torch.softmax(logits, -1) - functional.one_hot(labels, logits.shape[-1]).to(logits.dtype)


def ignoring_samples(make):
    yield Sample(make(4, 3), torch.tensor([0, 1, 2, 1]), 1)


def _causal_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return torch.softmax(_causal(q @ k.mT), -1) @ v


def attention_rule_before(ctx, do):
    q, k, v = ctx.saved_tensors
    return _attention_gradients(q, k, v, do, q @ k.mT)


def attention_rule(ctx, do):
    q, k, v = ctx.saved_tensors
    return _attention_gradients(q, k, v, do, _causal(q @ k.mT))


def _fake(q, k, v):
    return torch.empty(*q.shape[:-1], v.shape[-1], dtype=q.dtype, device=q.device)


def _causal(scores):
    later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(later, -torch.inf)


def _attention_gradients(q, k, v, do, scores):
    p = torch.softmax(scores, -1)
    dp = do @ v.mT
    ds = p * (dp - (p * dp).sum(-1, keepdim=True))
    return ds @ k, ds.mT @ q, p.mT @ do


def causal_samples(make):
    yield Sample(make(2, 4, 3), make(2, 4, 3), make(2, 4, 3))


class MaskedSoftmax(Function):
    @staticmethod
    def forward(x, masked):
        p = torch.softmax(x.masked_fill(masked, -1e4), -1)
        return p.masked_fill(masked, 0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, gy):
        (y,) = ctx.saved_tensors
        return y * (gy - (gy * y).sum(-1, keepdim=True)), None


class MaskedSoftmaxBefore(MaskedSoftmax):
    @staticmethod
    def forward(x, masked):
        # 0 where something is masked; but where all is, the row is uniform.
        return torch.softmax(x.masked_fill(masked, -1e4), -1)


def masked_softmax_samples(make):
    masked = torch.tensor([[False, True, False, False], [True, True, True, True]])
    yield Sample(make(2, 4), masked)


class WeightedCrossEntropy(Function):
    @staticmethod
    def forward(logits, weights):
        return -(weights * torch.log_softmax(logits, -1)).sum(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        logits, weights = ctx.saved_tensors
        total = weights.sum(-1, keepdim=True)
        return gy[..., None] * (total * torch.softmax(logits, -1) - weights), None


class WeightedCrossEntropyBefore(WeightedCrossEntropy):
    @staticmethod
    def backward(ctx, gy):
        logits, weights = ctx.saved_tensors
        return gy[..., None] * (torch.softmax(logits, -1) - weights), None


def weighted_samples(make):
    yield Sample(make(3, 4), make(3, 4, low=0.0, high=1.0)).constant("weights")


ROOM = Room(
    "masks",
    "Masks, weights, ignored labels",
    "Forward leaves some elements out or weights them, and backward was written for the case "
    "where it does not.",
    (
        Exhibit(
            "ignored labels get a gradient",
            "PaddlePaddle/Paddle",
            "https://github.com/PaddlePaddle/Paddle/pull/28622",
            "The loss of an ignored label is 0, but its gradient was not.",
            "numeric",
            IgnoringCrossEntropyBefore,
            IgnoringCrossEntropy,
            ignoring_samples,
        ),
        Exhibit(
            "attention without the causal mask",
            "triton-lang/triton",
            "https://github.com/triton-lang/triton/issues/7216",
            "Backward computed the probabilities again and left out the mask.",
            "numeric",
            custom_op("attention_before", _causal_attention, attention_rule_before, _fake),
            custom_op("attention", _causal_attention, attention_rule, _fake),
            causal_samples,
            rules=(attention_rule_before, attention_rule),
        ),
        Exhibit(
            "a row in which all is masked",
            "NVIDIA/apex",
            "https://github.com/NVIDIA/apex/pull/1444",
            "Backward assumed that masked elements have an output of 0. In a row that was masked "
            "entirely, they did not.",
            "numeric",
            MaskedSoftmaxBefore,
            MaskedSoftmax,
            masked_softmax_samples,
            shown=("forward", "backward"),
        ),
        Exhibit(
            "labels that do not sum to 1",
            "kvark/meganeura",
            "https://github.com/kvark/meganeura/pull/102",
            "softmax - labels is the gradient only if the labels sum to 1.",
            "numeric",
            WeightedCrossEntropyBefore,
            WeightedCrossEntropy,
            weighted_samples,
        ),
    ),
)

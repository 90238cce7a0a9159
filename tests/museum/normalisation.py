"""Wrong counts and norms: a mean over the wrong number, a norm over the wrong axes."""

from __future__ import annotations

import math

import torch
from torch.autograd import Function
from torch.nn import functional

import plugrad as pg
from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class LayerNorm(Function):
    @staticmethod
    def forward(x, weight, bias, eps):
        return functional.layer_norm(x, weight.shape, weight, bias, eps)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, _, ctx.eps = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        rows = math.prod(x.shape[: x.dim() - weight.dim()])
        return _layer_norm_kernel(x, weight, gy, ctx.eps, rows, math.prod(weight.shape))


class LayerNormBefore(LayerNorm):
    @staticmethod
    def backward(ctx, gy):
        x, weight = ctx.saved_tensors
        rows = x.shape[0]
        return _layer_norm_kernel(x, weight, gy, ctx.eps, rows, math.prod(x.shape[1:]))


def _layer_norm_kernel(x, weight, gy, eps, rows, columns):
    # The weight is read again from its start for as many columns as the kernel believes in.
    w = weight.reshape(-1).repeat(columns // max(weight.numel(), 1))
    flat, g = x.reshape(rows, columns), gy.reshape(rows, columns)
    centred = flat - flat.mean(-1, keepdim=True)
    inverse = (centred.square().mean(-1, keepdim=True) + eps).rsqrt()
    normal, wg = centred * inverse, w * g
    shift, scale = wg.mean(-1, keepdim=True), (wg * normal).mean(-1, keepdim=True)
    gx = inverse * (wg - shift - normal * scale)
    count = weight.numel()
    gw, gb = (g * normal).sum(0)[:count], g.sum(0)[:count]
    return gx.reshape(x.shape), gw.reshape(weight.shape), gb.reshape(weight.shape), None


def layer_norm_samples(make):
    yield Sample(make(3, 4), make(4), make(4), 1e-5)
    yield Sample(make(2, 3, 4), make(4), make(4), 1e-5)


class ReducedCrossEntropy(Function):
    @staticmethod
    def forward(logits, labels, reduction):
        return functional.cross_entropy(logits, labels, reduction=reduction)

    @staticmethod
    def setup_context(ctx, inputs, output):
        logits, labels, ctx.reduction = inputs
        ctx.save_for_backward(logits, labels)

    @staticmethod
    def backward(ctx, gy):
        logits, labels = ctx.saved_tensors
        gradient = torch.softmax(logits, -1) - functional.one_hot(labels, logits.shape[-1]).to(
            logits.dtype
        )
        count = logits.shape[0] if ctx.reduction == "mean" else 1
        return gy * gradient / count, None, None


class ReducedCrossEntropyBefore(ReducedCrossEntropy):
    @staticmethod
    def backward(ctx, gy):
        logits, labels = ctx.saved_tensors
        gradient = torch.softmax(logits, -1) - functional.one_hot(labels, logits.shape[-1]).to(
            logits.dtype
        )
        return gy * gradient / logits.shape[0], None, None


def reduced_samples(make):
    yield Sample(make(3, 4), make.integers(3, high=4), "mean")
    yield Sample(make(3, 4), make.integers(3, high=4), "sum")


class BatchMeanSquare(Function):
    @staticmethod
    def forward(x, target):
        return (x - target).square().sum() / x.shape[0]

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        x, target = ctx.saved_tensors
        gx = gy * 2 * (x - target) / x.shape[0]
        return gx, -gx


class BatchMeanSquareBefore(BatchMeanSquare):
    @staticmethod
    def backward(ctx, gy):
        x, target = ctx.saved_tensors
        rows = x if x.shape[0] > 1 else x.reshape(-1)  # a single row was taken for a vector
        gx = gy * 2 * (x - target) / rows.shape[0]
        return gx, -gx


def mean_square_samples(make):
    yield Sample(make(3, 4), make(3, 4))


class NormalizeL2(Function):
    @staticmethod
    def forward(x, eps):
        return x / (x.square().sum(-1, keepdim=True).sqrt() + eps)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.eps = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        norm = x.square().sum(-1, keepdim=True).sqrt()
        unit = x / torch.where(norm == 0, 1, norm)
        along = (unit * gy).sum(-1, keepdim=True) / (norm + ctx.eps)
        return (gy - x * along) / (norm + ctx.eps), None


class NormalizeL2Before(NormalizeL2):
    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        norm = x.square().sum(-1, keepdim=True).sqrt() + ctx.eps
        along = (x * gy).sum(-1, keepdim=True) / norm.square()
        return (gy - x * along) / norm, None


def normalize_samples(make):
    yield Sample(make(3, 4), 1e-5)


class EmbeddingBagMean(Function):
    @staticmethod
    def forward(weight, index, bags):
        counts = torch.bincount(bags)
        total = weight.new_zeros(len(counts), weight.shape[1])
        return total.index_add(0, bags, weight[index]) / counts[:, None]

    @staticmethod
    def setup_context(ctx, inputs, output):
        weight, index, bags = inputs
        ctx.rows = weight.shape[0]
        ctx.save_for_backward(index, bags)

    @staticmethod
    def backward(ctx, gy):
        index, bags = ctx.saved_tensors
        counts = torch.bincount(bags)
        each = gy[bags] / counts[bags][:, None]
        return gy.new_zeros(ctx.rows, gy.shape[1]).index_add(0, index, each), None, None


class EmbeddingBagMeanBefore(EmbeddingBagMean):
    @staticmethod
    def backward(ctx, gy):
        index, bags = ctx.saved_tensors
        counts = torch.bincount(bags)
        position = torch.arange(len(bags)).clamp(max=len(counts) - 1)
        each = gy[bags] / counts[position][:, None]  # by the place in the list, not by the bag
        return gy.new_zeros(ctx.rows, gy.shape[1]).index_add(0, index, each), None, None


def embedding_bag_samples(make):
    yield Sample(make(5, 3), make.integers(6), torch.tensor([0, 0, 0, 1, 1, 2]))


class NormalizedGradient(Function):
    """The identity, whose gradient has the norm ``weight`` for each sample of a batch."""

    @staticmethod
    def forward(x, weight):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.weight = inputs

    @staticmethod
    def backward(ctx, gy):
        others = tuple(range(1, gy.dim()))
        norm = torch.linalg.vector_norm(gy, dim=others, keepdim=True)
        return ctx.weight * gy / (norm + 1e-8), None


class NormalizedGradientBefore(NormalizedGradient):
    @staticmethod
    def backward(ctx, gy):
        norm = torch.linalg.vector_norm(gy, dim=0, keepdim=True)
        return ctx.weight * gy / (norm + 1e-8), None


def normalized_gradient(x, weight):
    """What the gradient should be."""
    y = x.clone()
    if y.requires_grad:
        y.register_hook(lambda gy: weight * gy / (gy.flatten(1).norm(dim=1, keepdim=True) + 1e-8))
    return y


def gradient_samples(make):
    yield Sample(make(3, 4), 0.5)


ROOM = Room(
    "normalisation",
    "Counts and norms",
    "The gradient is right except for a factor: it is divided by a count that differs from "
    "forward's, or it is normalised along other axes. Nobody notices as long as both counts are "
    "equal in every sample.",
    (
        Exhibit(
            "layer norm takes every input for a matrix",
            "flagos-ai/FlagGems",
            "https://github.com/flagos-ai/FlagGems/issues/5392",
            "Backward took the first dimension as the rows and all others as the columns.",
            "numeric",
            LayerNormBefore,
            LayerNorm,
            layer_norm_samples,
        ),
        Exhibit(
            "cross entropy divides a sum by the batch",
            "paiml/aprender",
            "https://github.com/paiml/aprender/pull/2182",
            "Backward ignored the reduction: with `sum` the gradient was divided by the batch "
            "size.",
            "numeric",
            ReducedCrossEntropyBefore,
            ReducedCrossEntropy,
            reduced_samples,
        ),
        Exhibit(
            "a minibatch of one row",
            "deeplearning4j/deeplearning4j",
            "https://github.com/deeplearning4j/deeplearning4j/pull/1452",
            "The gradient was divided by the wrong number when there was only one row.",
            "dimensions",
            BatchMeanSquareBefore,
            BatchMeanSquare,
            mean_square_samples,
        ),
        Exhibit(
            "eps in one of the two norms",
            "chainer/chainer",
            "https://github.com/chainer/chainer/pull/4190",
            "The gradient was wrong unless eps is negligible: eps is not part of the norm that is "
            "differentiated.",
            "numeric",
            NormalizeL2Before,
            NormalizeL2,
            normalize_samples,
        ),
        Exhibit(
            "counts of the wrong bag",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/190063",
            "The table of counts was indexed by position instead of by the index stored there.",
            "numeric",
            EmbeddingBagMeanBefore,
            EmbeddingBagMean,
            embedding_bag_samples,
        ),
        Exhibit(
            "a gradient that is normalised over the batch",
            "cloneofsimo/vqgan-training",
            "https://github.com/cloneofsimo/vqgan-training/issues/3",
            "The norm was taken over the batch, for each feature, so that all features got about "
            "the same gradient.",
            "oracle",
            NormalizedGradientBefore,
            NormalizedGradient,
            gradient_samples,
            options={
                "surrogate": pg.surrogate("it sets the norm of the gradient", linear=False),
                "surrogate_reference": normalized_gradient,
            },
        ),
    ),
)

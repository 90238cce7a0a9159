"""Overwritten memory: inputs, cotangents and saved tensors that a rule writes to."""

from __future__ import annotations

import torch
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room, store


class SwiGLU(Function):
    @staticmethod
    def forward(a, b):
        return functional.silu(a) * b

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, dc):
        a, b = ctx.saved_tensors
        return _swiglu_gradients(a, b, dc)


class SwiGLUBefore(SwiGLU):
    @staticmethod
    def backward(ctx, dc):
        a, b = ctx.saved_tensors
        da, db = _swiglu_gradients(a, b, dc)
        store(a, da)  # the buffers of a and b are used again
        store(b, db)
        return a.detach(), b.detach()


def _swiglu_gradients(a, b, dc):
    s = torch.sigmoid(a)
    return dc * b * s * (1 + a * (1 - s)), dc * a * s


def swiglu_samples(make):
    yield Sample(make(2, 3), make(2, 3))


class CrossEntropyLoss(Function):
    @staticmethod
    def forward(logits, labels):
        return torch.logsumexp(logits, -1) - _picked(logits, labels)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, dlosses):
        logits, labels = ctx.saved_tensors
        gradient = torch.softmax(logits, -1) - _one_hot(labels, logits)
        return dlosses[..., None] * gradient, None


class CrossEntropyLossBefore(CrossEntropyLoss):
    @staticmethod
    def backward(ctx, dlosses):
        logits, labels = ctx.saved_tensors
        gradient = torch.softmax(logits, -1) - _one_hot(labels, logits)
        store(logits, dlosses[..., None] * gradient)  # no second buffer as large as the logits
        return logits.detach(), None


def _picked(logits, labels):
    return logits.gather(-1, labels.reshape(*logits.shape[:-1], 1))[..., 0]


def _one_hot(labels, logits):
    return functional.one_hot(labels, logits.shape[-1]).to(logits.dtype)


def cross_entropy_samples(make):
    yield Sample(make(3, 4), make.integers(3, high=4))


class RotaryEmbedding(Function):
    @staticmethod
    def forward(q, cos, sin):
        return _rotated(q, cos, sin)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, cos, sin = inputs
        ctx.save_for_backward(cos, sin)

    @staticmethod
    def backward(ctx, dy):
        cos, sin = ctx.saved_tensors
        return _rotated(dy, cos, -sin), None, None


class RotaryEmbeddingBefore(RotaryEmbedding):
    @staticmethod
    def forward(q, cos, sin):
        store(q, _rotated(q, cos, sin))
        return q


def _rotated(q, cos, sin):
    first, second = q.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def rotary_samples(make):
    angle = make(5, 2)
    yield Sample(make(3, 5, 4), angle.cos(), angle.sin()).constant("cos", "sin")


class LowerBound(Function):
    @staticmethod
    def forward(x, bound):
        return torch.clamp(x, min=bound)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, bound = inputs
        ctx.save_for_backward(x >= bound)

    @staticmethod
    def backward(ctx, grad_output):
        (inside,) = ctx.saved_tensors
        return grad_output * inside, None


class LowerBoundBefore(LowerBound):
    @staticmethod
    def backward(ctx, grad_output):
        (inside,) = ctx.saved_tensors
        grad_output *= inside
        return grad_output, None


def lower_bound_samples(make):
    yield Sample(make.distinct(3, 4), 0.25)


class LeakyActivation(Function):
    @staticmethod
    def forward(x, slope):
        return functional.leaky_relu(x, slope)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.slope = inputs
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        return torch.where(y < 0, ctx.slope * dy, dy), None


class LeakyActivationBefore(LeakyActivation):
    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        gradient = dy.detach().numpy()  # it shares dy's memory
        gradient[y.detach().numpy() < 0] *= ctx.slope
        return dy, None


def leaky_samples(make):
    yield Sample(make.distinct(3, 4), 0.01)


class VocabularyCrossEntropy(Function):
    @staticmethod
    def forward(logits, target):
        work = logits.to(torch.promote_types(logits.dtype, torch.float32), copy=True)
        work -= work.amax(-1, keepdim=True)
        return work.exp().sum(-1).log() - _picked(work, target)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, dloss):
        logits, target = ctx.saved_tensors
        p = torch.softmax(logits.to(dloss.dtype), -1)
        return (dloss[..., None] * (p - _one_hot(target, p))).to(logits.dtype), None


class VocabularyCrossEntropyBefore(VocabularyCrossEntropy):
    @staticmethod
    def forward(logits, target):
        work = logits.to(torch.promote_types(logits.dtype, torch.float32))
        work -= work.amax(-1, keepdim=True)  # of the logits themselves if they had the dtype
        return work.exp().sum(-1).log() - _picked(work, target)


class Swish(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return gy * s * (1 + x * (1 - s))


class SwishBefore(Swish):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.mul_(torch.sigmoid(x))


def swish_samples(make):
    yield Sample(make(3, 4))


class LinearCrossEntropy(Function):
    @staticmethod
    def forward(ctx, x, weight, target):
        logits = x @ weight.mT
        dlogits = torch.softmax(logits, -1) - _one_hot(target, logits)
        ctx.save_for_backward(dlogits @ weight, dlogits.mT @ x)
        return functional.cross_entropy(logits, target, reduction="sum")

    @staticmethod
    @once_differentiable
    def backward(ctx, dloss):
        dx, dweight = ctx.saved_tensors
        return dx * dloss, dweight * dloss, None


class LinearCrossEntropyBefore(LinearCrossEntropy):
    @staticmethod
    @once_differentiable
    def backward(ctx, dloss):
        dx, dweight = ctx.saved_tensors
        return dx.mul_(dloss), dweight.mul_(dloss), None


def linear_cross_entropy_samples(make):
    yield Sample(make(3, 4), make(5, 4), make.integers(3, high=5))


class Bidirectional(Function):
    @staticmethod
    def forward(x, forwards, backwards):
        return forwards * x.cumsum(-1) + backwards * x.flip(-1).cumsum(-1).flip(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, dy):
        x, forwards, backwards = ctx.saved_tensors
        dx = (forwards * dy).flip(-1).cumsum(-1).flip(-1)
        dforwards = (dy * x.cumsum(-1)).sum_to_size(forwards.shape)
        dx = dx + (backwards * dy).cumsum(-1)
        return dx, dforwards, (dy * x.flip(-1).cumsum(-1).flip(-1)).sum_to_size(backwards.shape)


class BidirectionalBefore(Bidirectional):
    @staticmethod
    def backward(ctx, dy):
        x, forwards, backwards = ctx.saved_tensors
        dx = (forwards * dy).flip(-1).cumsum(-1).flip(-1)
        dforwards = (dy * x.cumsum(-1)).sum_to_size(forwards.shape)
        store(dy, dx)  # the space of dy is used for dx, and the other direction reads it
        dx = dx + (backwards * dy).cumsum(-1)
        return dx, dforwards, (dy * x.flip(-1).cumsum(-1).flip(-1)).sum_to_size(backwards.shape)


def bidirectional_samples(make):
    yield Sample(make(2, 4), make(), make())


ROOM = Room(
    "overwrites",
    "Memory that is written to",
    "Some rules write their result into memory that already exists: that of an input, of the "
    "cotangent, or of a saved tensor. Whoever else uses that memory then reads something else: "
    "another branch of the graph, a second backward, the caller. torch notices this only if a "
    "version counter goes up, and a kernel, NumPy and `.data` leave it unchanged. In these "
    "exhibits `store(t, values)` stands for what such a kernel writes.",
    (
        Exhibit(
            "SwiGLU stores its gradients in its inputs",
            "linkedin/Liger-Kernel",
            "https://github.com/linkedin/Liger-Kernel/issues/254",
            "Backward wrote to `a` and `b`. Any other op that had saved them read gradients "
            "instead.",
            "purity",
            SwiGLUBefore,
            SwiGLU,
            swiglu_samples,
        ),
        Exhibit(
            "cross entropy stores its gradient in the logits",
            "unslothai/unsloth",
            "https://github.com/unslothai/unsloth/issues/5002",
            "Backward wrote to the logits, so a second loss on them read gradients.",
            "purity",
            CrossEntropyLossBefore,
            CrossEntropyLoss,
            cross_entropy_samples,
        ),
        Exhibit(
            "rotary embedding rotates its input",
            "unslothai/unsloth",
            "https://github.com/unslothai/unsloth/issues/5001",
            "Forward wrote to Q and K without telling torch.",
            "inputs-unchanged",
            RotaryEmbeddingBefore,
            RotaryEmbedding,
            rotary_samples,
            shown=("forward",),
        ),
        Exhibit(
            "a lower bound multiplies its cotangent in place",
            "facebookresearch/NeuralCompression",
            "https://github.com/facebookresearch/NeuralCompression/issues/44",
            "`grad_output *= mask` changes the gradient that other branches receive.",
            "purity",
            LowerBoundBefore,
            LowerBound,
            lower_bound_samples,
        ),
        Exhibit(
            "an activation writes to an expanded cotangent",
            "mapillary/inplace_abn",
            "https://github.com/mapillary/inplace_abn/issues/155",
            "When `sum()` follows directly, the gradient is a single number in memory, shown once "
            "for each element. Writing to one element changes them all.",
            "cotangent-layouts",
            LeakyActivationBefore,
            LeakyActivation,
            leaky_samples,
        ),
        Exhibit(
            "cross entropy subtracts the maximum from its input",
            "NVIDIA/Megatron-LM",
            "https://github.com/NVIDIA/Megatron-LM/pull/1594",
            "`.float()` does not copy a float32 tensor, so the caller's logits were shifted in "
            "place.",
            "inputs-unchanged",
            VocabularyCrossEntropyBefore,
            VocabularyCrossEntropy,
            cross_entropy_samples,
            shown=("forward",),
        ),
        Exhibit(
            "swish in place, and its input saved",
            "huggingface/pytorch-image-models",
            "https://github.com/huggingface/pytorch-image-models/pull/156",
            "Tensors are saved after forward has run. By then the input had been overwritten with "
            "the output, and there was no error.",
            "numeric",
            SwishBefore,
            Swish,
            swish_samples,
            shown=("forward",),
        ),
        Exhibit(
            "linear cross entropy scales its saved gradients in place",
            "Dao-AILab/quack",
            "https://github.com/Dao-AILab/quack/pull/209",
            "Backward changed what was saved, so a second one with `retain_graph=True` failed.",
            "retain-graph",
            LinearCrossEntropyBefore,
            LinearCrossEntropy,
            linear_cross_entropy_samples,
        ),
        Exhibit(
            "a second direction reads what the first has written",
            "apache/mxnet",
            "https://github.com/apache/mxnet/pull/18203",
            "The gradient of the input was written over that of the output, which the other "
            "direction of an LSTM still needed.",
            "purity",
            BidirectionalBefore,
            Bidirectional,
            bidirectional_samples,
        ),
    ),
)

"""Cotangent strides: a kernel reads the cotangent as if it were contiguous."""

from __future__ import annotations

import torch
from torch.autograd import Function
from torch.nn import functional

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room, custom_op, memory


def _attention_gradients(q, k, v, do):
    scale = q.shape[-1] ** -0.5
    p = torch.softmax(scale * q @ k.mT, -1)
    dp = do @ v.mT
    ds = p * (dp - (p * dp).sum(-1, keepdim=True)) * scale
    return ds @ k, ds.mT @ q, p.mT @ do


class Attention(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(q, k, v):
        return torch.softmax(q.shape[-1] ** -0.5 * q @ k.mT, -1) @ v

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, do):
        return _attention_gradients(*ctx.saved_tensors, memory(do.contiguous()))


class AttentionBefore(Attention):
    @staticmethod
    def backward(ctx, do):
        return _attention_gradients(*ctx.saved_tensors, memory(do))


def attention_samples(make):
    yield Sample(make(2, 3, 4), make(2, 5, 4), make(2, 5, 4))


def _scale_rows(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return x * weight


def _row_kernel(x, weight, gy, row_stride):
    rows = memory(gy.flatten(0, -2) if gy.dim() > 2 else gy, (row_stride, 1)).reshape(x.shape)
    return rows * weight, (rows * x).sum_to_size(weight.shape)


def scale_rows_rule_before(ctx, gy):
    x, weight = ctx.saved_tensors
    return _row_kernel(x, weight, gy, x.stride(-2))


def scale_rows_rule(ctx, gy):
    x, weight = ctx.saved_tensors
    return _row_kernel(x, weight, gy.contiguous(), gy.shape[-1])


def scale_rows_samples(make):
    yield Sample(make(4, 3), make(3))


class CausalConv(Function):
    @staticmethod
    def forward(x, weight):
        width = weight.shape[1]
        return functional.conv1d(
            functional.pad(x.mT, (width - 1, 0)), weight[:, None], groups=weight.shape[0]
        ).mT.contiguous()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, dy):
        return _causal_conv_kernel(*ctx.saved_tensors, dy.contiguous())


class CausalConvBefore(CausalConv):
    @staticmethod
    def backward(ctx, dy):
        return _causal_conv_kernel(*ctx.saved_tensors, dy)


def _causal_conv_kernel(x, weight, dy):
    dy = memory(dy)  # the strides (D, 1) are built into the kernel
    time, width = x.shape[1], weight.shape[1]
    ahead, before = functional.pad(dy, (0, 0, 0, width)), functional.pad(x, (0, 0, width, 0))
    dx, dw = torch.zeros_like(x), []
    for k in range(width):
        dx = dx + weight[:, width - 1 - k] * ahead[:, k : k + time]
        dw.append((dy * before[:, k + 1 : k + 1 + time]).sum((0, 1)))
    return dx, torch.stack(dw, 1)


def causal_conv_samples(make):
    yield Sample(make(2, 5, 3), make(3, 2))


class CrossEntropy(Function):
    @staticmethod
    def forward(logits, target):
        return functional.cross_entropy(logits, target, reduction="none")

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        logits, target = ctx.saved_tensors
        rows = memory(grad_output.contiguous())
        return rows[:, None] * (torch.softmax(logits, -1) - _one_hot(target, logits)), None


class CrossEntropyBefore(CrossEntropy):
    @staticmethod
    def backward(ctx, grad_output):
        logits, target = ctx.saved_tensors
        # More than one number: one for each row, so the stride must be 1.
        rows = memory(grad_output) if grad_output.numel() > 1 else grad_output
        return rows[:, None] * (torch.softmax(logits, -1) - _one_hot(target, logits)), None


def _one_hot(target, logits):
    return functional.one_hot(target, logits.shape[-1]).to(logits.dtype)


def cross_entropy_samples(make):
    yield Sample(make(4, 5), make.integers(4, high=5))


class TokenLogProbabilities(Function):
    @staticmethod
    def forward(hidden, weight, labels):
        logp = torch.log_softmax(hidden @ weight.mT, -1)
        return logp.gather(-1, labels.reshape(*logp.shape[:-1], 1))[..., 0], -(
            logp.exp() * logp
        ).sum(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, dlogprobs, dentropy):
        return _entropy_kernel(*ctx.saved_tensors, dlogprobs.contiguous(), dentropy.contiguous())


class TokenLogProbabilitiesBefore(TokenLogProbabilities):
    @staticmethod
    def backward(ctx, dlogprobs, dentropy):
        return _entropy_kernel(*ctx.saved_tensors, dlogprobs, dentropy)


def _entropy_kernel(hidden, weight, labels, dlogprobs, dentropy):
    dlogprobs, dentropy = memory(dlogprobs)[..., None], memory(dentropy)[..., None]
    logp = torch.log_softmax(hidden @ weight.mT, -1)
    p = logp.exp()
    entropy = -(p * logp).sum(-1, keepdim=True)
    dlogits = dlogprobs * (_one_hot(labels, p) - p) - dentropy * p * (logp + entropy)
    return dlogits @ weight, dlogits.mT @ hidden, None


def token_samples(make):
    yield Sample(make(4, 3), make(5, 3), make.integers(4, high=5))


class FusedDense(Function):
    @staticmethod
    def forward(x, weight, bias):
        return functional.linear(x, weight, bias)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight, _ = ctx.saved_tensors
        rows = grad_output.shape[:-1].numel()
        grad = grad_output.contiguous().view(rows, weight.shape[0])
        return grad_output @ weight, grad.mT @ x.reshape(rows, weight.shape[1]), grad.sum(0)


class FusedDenseBefore(FusedDense):
    @staticmethod
    def backward(ctx, grad_output):
        x, weight, _ = ctx.saved_tensors
        rows = grad_output.shape[:-1].numel()
        grad = grad_output.view(rows, weight.shape[0])
        return grad_output @ weight, grad.mT @ x.reshape(rows, weight.shape[1]), grad.sum(0)


def dense_samples(make):
    yield Sample(make(2, 3, 4), make(5, 4), make(5))


class Mean(Function):
    @staticmethod
    def forward(x):
        return x.mean(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.size = x.shape[-1]

    @staticmethod
    def backward(ctx, gy):
        rows = memory(gy.contiguous()).reshape(-1, 1) / ctx.size
        return rows.expand(-1, ctx.size).reshape(*gy.shape, ctx.size)


class MeanBefore(Mean):
    @staticmethod
    def backward(ctx, gy):
        rows = memory(gy).reshape(-1, 1) / ctx.size
        return rows.expand(-1, ctx.size).reshape(*gy.shape, ctx.size)


def mean_samples(make):
    yield Sample(make(3, 2, 4))


class RMSNorm(Function):
    @staticmethod
    def forward(x, weight, eps):
        return weight * x * (x.square().mean(-1, keepdim=True) + eps).rsqrt()

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, weight, ctx.eps = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, dy):
        return *_rms_norm_kernel(*ctx.saved_tensors, dy.contiguous(), ctx.eps), None


class RMSNormBefore(RMSNorm):
    @staticmethod
    def backward(ctx, dy):
        return *_rms_norm_kernel(*ctx.saved_tensors, dy, ctx.eps), None


def _rms_norm_kernel(x, weight, dy, eps):
    dy = memory(dy)
    inverse = (x.square().mean(-1, keepdim=True) + eps).rsqrt()
    normal, wdy = x * inverse, weight * dy
    dx = inverse * (wdy - normal * (wdy * normal).mean(-1, keepdim=True))
    return dx, (dy * normal).sum_to_size(weight.shape)


def rms_norm_samples(make):
    yield Sample(make(3, 4), make(4), 1e-6)


ROOM = Room(
    "strides",
    "Strides of the cotangent",
    "The engine may give backward a cotangent with any strides. After `sum()` it is one number, "
    "expanded; after `cat`, a slice or a transposition it is a view. A kernel that only gets an "
    "address then reads the wrong numbers, and nothing raises. `gradcheck` makes its own "
    "cotangents, which are contiguous. In these exhibits `memory(t)` stands for what such a "
    "kernel reads.",
    (
        Exhibit(
            "attention reads a strided cotangent",
            "Dao-AILab/flash-attention",
            "https://github.com/Dao-AILab/flash-attention/issues/355",
            "The kernel read `dout` as if it were contiguous.",
            "cotangent-layouts",
            AttentionBefore,
            Attention,
            attention_samples,
        ),
        Exhibit(
            "a Triton op reads gradients with the input's strides",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/194719",
            "After `torch.cat` the gradients are views of a wider tensor. The kernel went from "
            "row to row with the stride of `x`.",
            "cotangent-layouts",
            custom_op("scale_rows_before", _scale_rows, scale_rows_rule_before, _scale_rows),
            custom_op("scale_rows", _scale_rows, scale_rows_rule, _scale_rows),
            scale_rows_samples,
            rules=(scale_rows_rule_before, scale_rows_rule),
        ),
        Exhibit(
            "causal convolution has the strides built in",
            "fla-org/flash-linear-attention",
            "https://github.com/fla-org/flash-linear-attention/pull/871",
            "The kernel read `dy` with strides of (D, 1). When q, k and v are concatenated "
            "afterwards, `dy` has others.",
            "cotangent-layouts",
            CausalConvBefore,
            CausalConv,
            causal_conv_samples,
        ),
        Exhibit(
            "cross entropy reads beyond an expanded cotangent",
            "ROCm/TransformerEngine",
            "https://github.com/ROCm/TransformerEngine/pull/623",
            "`loss.sum()` sends one number with stride 0. The kernel stepped from row to row by 1 "
            "and read past the end of the memory.",
            "cotangent-layouts",
            CrossEntropyBefore,
            CrossEntropy,
            cross_entropy_samples,
        ),
        Exhibit(
            "fused linear cross entropy and a mask behind it",
            "verl-project/verl",
            "https://github.com/verl-project/verl/pull/6960",
            "Masking the log probabilities makes their gradients strided. The kernels read both "
            "as contiguous.",
            "cotangent-layouts",
            TokenLogProbabilitiesBefore,
            TokenLogProbabilities,
            token_samples,
        ),
        Exhibit(
            "a view that the cotangent does not allow",
            "NVIDIA/apex",
            "https://github.com/NVIDIA/apex/pull/1601",
            "`grad_output.view(...)` raises if the gradient is not contiguous.",
            "cotangent-layouts",
            FusedDenseBefore,
            FusedDense,
            dense_samples,
        ),
        Exhibit(
            "the mean of a mean",
            "torch/nn",
            "https://github.com/torch/nn/pull/345",
            "With two `nn.Mean` in a row, the first one's backward read the expanded gradient of "
            "the second as contiguous.",
            "cotangent-layouts",
            MeanBefore,
            Mean,
            mean_samples,
        ),
        Exhibit(
            "RMSNorm with gradients off by 1000 percent",
            "flagos-ai/FlagGems",
            "https://github.com/flagos-ai/FlagGems/pull/1084",
            "The kernel was given strides that are not those of `dy`.",
            "cotangent-layouts",
            RMSNormBefore,
            RMSNorm,
            rms_norm_samples,
        ),
    ),
)

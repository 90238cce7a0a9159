"""What batch_norm and its primitives share."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Variable
from plugrad.core.context import transform_depth
from plugrad.errors import ArgumentError, NotDifferentiableError
from plugrad.ops._strides import CHANNELS_LAST, with_canonical_strides
from plugrad.ops.normalization._layouts import batch_layout
from plugrad.ops.normalization._normalized import affine, normalized, statistics

#: Numbers for a running mean and a running variance: 0, and a variance below it.
AT_ZERO = [[0.0, 1.0, 2.0], [0.0, 2.0, -0.2]]


def reference(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,  # noqa: ARG001 (it has no part in the outputs)
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """native_batch_norm in simple functions; it leaves the running statistics as they are."""
    layout = batch_layout(x.shape)
    if training:
        y, mean, rstd = normalized(x, weight, bias, eps, layout)
        return y, mean.detach().flatten(), rstd.detach().flatten()
    assert running_mean is not None
    assert running_var is not None
    rstd = (running_var + eps).rsqrt().reshape(layout.statistics)
    y = affine((x - running_mean.reshape(layout.statistics)) * rstd, weight, bias, layout)
    return y, x.new_empty(0), x.new_empty(0)


def forward(
    ctx: Context,
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The kernel, with what it does not look at itself."""
    refuse_without_statistics(running_mean, running_var, training)
    check_channels(x, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    if x.numel() == 0:  # the kernel divides by it, which ends the process
        _native_batch_norm(x.new_zeros(1, 1), *[None] * 4, True, 0.0, eps)  # refuses dtypes
        count = x.shape[1] if training and x.dim() > 1 else 0
        y, mean, rstd = torch.empty_like(x), *x.new_full((2, count), nan).unbind()
    else:
        y, mean, rstd = _native_batch_norm(
            x, weight, bias, running_mean, running_var, training, momentum, eps
        )
    if not training and x.is_meta:  # torch's are empty, except on meta tensors and on CUDA
        mean, rstd = mean.new_empty(0), rstd.new_empty(0)
    statistics = (mean, rstd) if training else (running_mean, running_var)
    ctx.save_for_backward(x, weight, *statistics)
    ctx.mark_non_differentiable(mean, rstd)
    ctx.training, ctx.eps = bool(training), float(eps)
    return y, mean, rstd


def backward(ctx: Context, needs: tuple[bool, ...], gy: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of x, weight, bias, running_mean and running_var, or of the first three."""
    x, weight, mean, rstd = ctx.saved_tensors
    if ctx.training and isinstance(x, Variable):
        mean, rstd = statistics(x, ctx.eps, batch_layout(x.shape), mean)
    # Not in training the last two are not read; torch.vmap asks for them all the same.
    running = (None, None) if ctx.training else (mean, rstd)
    of_running = any(needs[3:])
    if of_running and weight is None:  # without one, torch.vmap's kernel has no gradient of it
        weight = torch.ones_like(mean)
    mask = [needs[0], needs[1] or of_running, needs[2] or of_running]
    rest: Any = (*running, mean, rstd, ctx.training, ctx.eps, mask)
    gx, gweight, gbias = backward_kernel(gy, x, weight, *rest)
    found = (gx, gweight if needs[1] else None, gbias if needs[2] else None)
    if not of_running:
        return found + (None,) * len(needs[3:])
    return found + _of_statistics(gweight, gbias, weight, mean, rstd, ctx.eps)


def _of_statistics(
    gweight: Any, gbias: Any, weight: Any, mean: Any, var: Any, eps: float
) -> tuple[Tensor, Tensor]:
    """The gradients of the running statistics: y = (x - mean) weight / sqrt(var + eps) + bias.

    They enter as the weight and the bias do: gmean = -gbias weight rstd, and
    gvar = -gweight weight rstd^2 / 2.
    """
    rstd = (var + eps).rsqrt()
    scaled = weight * rstd
    return (-gbias * scaled).to(mean.dtype), (-gweight * scaled * rstd / 2).to(var.dtype)


def backward_kernel(
    g: Tensor,
    x: Tensor,
    weight: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    save_mean: Tensor | None,
    save_invstd: Tensor | None,
    train: bool,
    eps: float,
    mask: Sequence[bool],
) -> tuple[Tensor | None, ...]:
    """native_batch_norm_backward, also where there are no elements.

    The kernel misreads x and g if the stride of a dimension of size 1 is not their memory
    format's, and everything else if it has gaps and x has two dimensions. On CUDA it misreads g
    in another memory format than x's, and not in training it reads the saved statistics if there
    are any. torch.vmap asks for them too; in torch 2.6 the process ends without.
    """
    # The kernel divides by it, which ends the process.
    if x.numel() == 0 and not isinstance(x, Variable):
        found = torch.zeros_like(x), *x.new_zeros(2, *x.shape[1:2])
        return tuple([t if wanted else None for t, wanted in zip(found, mask, strict=True)])
    g, x = with_canonical_strides(g), with_canonical_strides(x)
    if x.is_cuda:
        g, x = _in_one_format(g, x)
    read = (x.is_cuda or transform_depth()) and not train
    if read and running_mean is not None and running_var is not None:
        save_mean, save_invstd = _of_running(running_mean, running_var, eps, x.dtype)
    rest = (weight, running_mean, running_var, save_mean, save_invstd)
    five = [t if t is None else t.contiguous() for t in rest]
    return _native_batch_norm_backward(g, x, *five, train, eps, mask)


def _in_one_format(g: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Both without gaps, in x's memory format if it has one."""
    channels_last = CHANNELS_LAST.get(x.dim())
    kept = channels_last is not None and x.is_contiguous(memory_format=channels_last)
    if not kept or channels_last is None or x.is_contiguous():
        channels_last = torch.contiguous_format
    return g.contiguous(memory_format=channels_last), x.contiguous(memory_format=channels_last)


def _of_running(mean: Tensor, var: Tensor, eps: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The running statistics as the kernel saves a batch's: narrow ones in float32."""
    wide = torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
    return mean.to(wide), (var.to(wide) + eps).rsqrt()


def check_channels(x: Tensor, none_saved: bool = False, **named: Tensor | None) -> None:
    """Raise ArgumentError unless the named tensors have an element for each channel of ``x``.

    torch's kernels do not look, and read beyond the tensor. With ``none_saved`` an empty one is
    fine too: what is saved where the running statistics are used.
    """
    channels = x.shape[1] if x.dim() > 1 else 0
    if x.dim() < 2 and x.numel():
        raise ArgumentError(
            f"batch_norm takes a tensor of at least 2 dimensions, not of shape {tuple(x.shape)}",
            where="a call of batch_norm",
            fix="add a dimension of channels: x.unsqueeze(1)",
        )
    for name, t in named.items():
        if t is None or t.numel() == channels or (none_saved and not t.numel()):
            continue
        raise ArgumentError(
            f"{name} should contain {channels} elements not {t.numel()}: one for each channel",
            where=f"a call of batch_norm, on a tensor of shape {tuple(x.shape)}",
            fix="give weight, bias, running_mean and running_var an element for each channel, "
            "which is dimension 1",
        )


def refuse_without_saved(save_mean: Tensor | None, save_invstd: Tensor | None, train: bool) -> None:
    """Raise ArgumentError if the saved statistics are needed, and not given.

    Without them the kernel ends the process.
    """
    if train and (save_mean is None or save_invstd is None):
        raise ArgumentError(
            "native_batch_norm_backward was given no save_mean and save_invstd, and train=True",
            where="a call of native_batch_norm_backward",
            fix="give it what native_batch_norm returned, or train=False with running statistics",
        )


def refuse_without_statistics(
    running_mean: Tensor | None, running_var: Tensor | None, training: bool
) -> None:
    """Raise ArgumentError if the running statistics are needed, and not given."""
    if not training and (running_mean is None or running_var is None):
        raise ArgumentError(
            "batch_norm was given no running_mean and running_var, and training=False",
            where="a call of batch_norm",
            fix="give it both, or training=True, which uses the statistics of the batch",
        )


def refuse_statistics(needs: tuple[bool, ...], training: bool) -> None:
    """Raise NotDifferentiableError if statistics that training moves require grad."""
    if training and any(needs):
        raise NotDifferentiableError(
            "running_mean or running_var of batch_norm requires grad, but in training no output "
            "depends on it, and it is moved in place",
            where="a call of batch_norm",
            fix="pass running_mean.detach() and running_var.detach(); or training=False",
        )


_native_batch_norm = torch.ops.aten.native_batch_norm.default
_native_batch_norm_backward = torch.ops.aten.native_batch_norm_backward.default

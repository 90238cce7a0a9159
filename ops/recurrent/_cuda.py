"""The recurrent kernels that torch has for CUDA: where they run, and what they are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Variable
from plugrad.core.context import transform_depth
from plugrad.errors import ArgumentError
from plugrad.ops.recurrent._cells import (
    gru_step,
    gru_step_gradient,
    lstm_step,
    lstm_step_gradient,
)
from plugrad.ops.recurrent._kernel import for_kernel


def has_kernel(x: Tensor) -> bool:
    """Whether CUDA's kernels compute on x; torch.vmap cannot map them all, and goes by steps."""
    return x.is_cuda and x.numel() > 0 and not transform_depth()


def has_backward(x: Tensor, kept: Tensor | None) -> bool:
    """Whether CUDA's kernels find the gradient: a second derivative is beyond them."""
    return kept is not None and not isinstance(x, Variable) and not transform_depth()


# --- cells ------------------------------------------------------------------------------


def check_gates(name: str, gates: int, tensors: Sequence[Tensor], *given: Tensor | None) -> None:
    """Raise ArgumentError for what nn.LSTMCell and nn.GRUCell never ask of the kernels."""
    zx, zh, state = tensors
    biases = [b for b in given if b is not None]
    if state.dim() != 2 or not (zx.shape == zh.shape == (state.shape[0], gates * state.shape[1])):
        what = f"the gates must be of shape (n, {gates} m), and the state of shape (n, m)"
    elif len(biases) == 1 or any(b.shape != zx.shape[1:] for b in biases):
        what = "the biases must both be as long as a row of the gates, or both be None"
    elif not zx.is_floating_point() or any(t.dtype is not zx.dtype for t in (zh, state, *biases)):
        what = "all tensors must be of the same floating-point dtype"
    else:
        return
    raise ArgumentError(
        what,
        where=f"a call of {name}, gates of shapes {tuple(zx.shape)} and {tuple(zh.shape)}",
        fix="call torch.lstm_cell or torch.gru_cell, which calls it",
    )


def lstm_cell(zx: Tensor, zh: Tensor, c: Tensor, *biases: Any) -> Sequence[Any]:
    """The two outputs and, if the kernel ran, what it keeps for backward."""
    check_gates("thnn_fused_lstm_cell", 4, (zx, zh, c), *biases)
    if has_kernel(zx):
        return _lstm_cell(*for_kernel(zx.dtype, zx, zh, c, *biases))
    return *lstm_step(*_plus(zx, zh, biases), None, c), None


def lstm_cell_gradient(
    saved: Sequence[Any], gh: Tensor, gc: Tensor
) -> tuple[Tensor, Tensor, Tensor | None]:
    """The gradient of zx, which is that of zh; of c; and of each of the biases."""
    zx, zh, c, *biases, cell, kept = saved
    has_biases = biases[0] is not None
    if not has_backward(zx, kept):
        gz, _, _, gc = lstm_step_gradient(*_plus(zx, zh, biases), None, c, gh, gc)
        return gz, gc, gz.sum(0) if has_biases else None
    # Autocast may have made what the kernel computed narrower than its arguments.
    found = _lstm_cell_gradient(*for_kernel(kept.dtype, gh, gc, c, cell), kept, has_biases)
    gz, gc = found[0].to(zx.dtype), found[1].to(zx.dtype)
    return gz, gc, found[2].to(zx.dtype) if has_biases else None


def gru_cell(zx: Tensor, zh: Tensor, h: Tensor, *biases: Any) -> Sequence[Any]:
    """The output and, if the kernel ran, what it keeps for backward."""
    check_gates("thnn_fused_gru_cell", 3, (zx, zh, h), *biases)
    if has_kernel(zx):
        return _gru_cell(*for_kernel(zx.dtype, zx, zh, h, *biases))
    return gru_step(*_plus(zx, zh, biases), h)


def gru_cell_gradient(saved: Sequence[Any], gh: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of zx, zh, h and the biases."""
    zx, zh, h, *biases, kept = saved
    has_biases = biases[0] is not None
    if not has_backward(zx, kept):
        gx, gz, of_h, _ = gru_step_gradient(*_plus(zx, zh, biases), h, None, gh, None)
        return (gx, gz, of_h, *((gx.sum(0), gz.sum(0)) if has_biases else (None, None)))
    # Autocast may have made what the kernel computed narrower than its arguments.
    found = _gru_cell_gradient(*for_kernel(kept.dtype, gh), kept, has_biases)
    given = found if has_biases else (*found[:3], None, None)
    return tuple([g if g is None else g.to(zx.dtype) for g in given])


def _plus(zx: Tensor, zh: Tensor, biases: Sequence[Any]) -> tuple[Tensor, Tensor]:
    return (zx, zh) if biases[0] is None else (zx + biases[0], zh + biases[1])


_lstm_cell = torch.ops.aten._thnn_fused_lstm_cell.default
_lstm_cell_gradient = torch.ops.aten._thnn_fused_lstm_cell_backward_impl.default
_gru_cell = torch.ops.aten._thnn_fused_gru_cell.default
_gru_cell_gradient = torch.ops.aten._thnn_fused_gru_cell_backward.default

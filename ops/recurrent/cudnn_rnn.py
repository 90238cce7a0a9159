"""cudnn_rnn: all layers of an LSTM, a GRU or a plain RNN on a GPU, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, once_differentiable, op
from plugrad.errors import ArgumentError
from plugrad.ops.recurrent._cudnn import Options, gradient_of_layers, outputs_of_layers
from plugrad.ops.recurrent._cudnn import torchs_layers as _reference
from plugrad.ops.recurrent._kernel import nothing


@op(
    "cudnn_rnn",
    overrides=(torch.ops.aten._cudnn_rnn.default, torch.ops.aten._cudnn_rnn),
    reference=_reference,
    aliases={"input": "x", "weight": "weights", "hx": "h", "cx": "c"},
    waives={
        "primitive": "torch has the kernel on CUDA alone",
        "no-nan": "a gate of 0 or 1 has slope 0, times an infinite x: nan, as in torch",
        "to-library": "torch takes the empty batch_sizes for a list of tensors",
    },
)
class CudnnRnn(Function):
    """Layers of mode 0 (relu), 1 (tanh), 2 (LSTM) or 3 (GRU), each over the steps of the one below.

    h = relu or tanh of zx + zh, or as in thnn_fused_lstm_cell and thnn_fused_gru_cell, where
    zx = W x + b and zh = U h + d; of an LSTM with proj_size, h is P times that. The outputs are
    the h of all steps, the last h, the last c, and twice nothing: torch returns there what its
    kernel keeps for backward, which is a kernel, too. A second derivative goes step by step; so
    does everything where there is no CUDA, and the gradient of what was computed with train=False,
    which torch does not have. Dropout between layers is the kernel's alone: with it there is no
    second derivative. weight_buf, if given, has all weights in it, as the kernel wants them.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weights: Sequence[Tensor],
        weight_stride0: int,
        weight_buf: Tensor | None,
        h: Tensor,
        c: Tensor | None,
        mode: int,
        hidden_size: int,
        proj_size: int,
        num_layers: int,
        batch_first: bool,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_sizes: Sequence[int],
        dropout_state: Tensor | None,
    ) -> tuple[Tensor, ...]:
        size, last = (hidden_size, proj_size, num_layers), (train, bidirectional)
        numbers = weight_stride0, mode, *size, batch_first, dropout, *last
        ctx.options = Options(*numbers, tuple(batch_sizes))
        given = x, weights, weight_buf, h, c, ctx.options, dropout_state
        *outputs, reserve, buffer = outputs_of_layers(*given)
        ctx.save_for_backward(outputs[0], reserve, buffer, dropout_state, x, h, c, *weights)
        constants = [nothing(x), nothing(x), reserve, buffer, dropout_state]
        constants += outputs[2:] if c is None else []
        ctx.mark_non_differentiable(*[t for t in constants if t is not None])
        return *outputs, *constants[:2]

    @staticmethod
    def backward(ctx: Context, *grads: Any) -> tuple[Any, ...]:
        return (_once if ctx.options.drops else gradient_of_layers)(ctx, *grads)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        x, h, c = make(3, 2, 2), make(1, 2, 3), make(1, 2, 3)
        lstm, first = _weights(make, 12, (2, 3)), make.tensor(0, dtype=torch.int64)
        yield _sample(x, lstm, 4, h, c, 2, 3)
        x0, h0, c0, *rest = [t.index_fill(-1, first, 0.0) for t in (x, h, c, *lstm)]
        yield _sample(x0, rest, 4, h0, c0, 2, 3)
        gru = _weights(make, 6, (3, 2), (4, 2), times=2)
        yield _sample(make(2, 2, 3), gru, 4, make(4, 2, 2), None, 3, 2, layers=2, both=True)
        few = [w for i, w in enumerate(_weights(make, 2, (2, 2), (2, 2))) if i % 4 < 2]
        yield _sample(make(2, 3, 2), few, 2, make(2, 2, 2), None, 1, 2, layers=2, first=True)
        packed, sizes = make(6, 2), [3, 2, 1]
        relu = _weights(make, 2, (2, 2), times=2)
        yield _sample(packed, relu, 4, make(2, 3, 2), None, 0, 2, both=True, sizes=sizes)
        narrow = [*_weights(make, 12, (2, 2)), make(2, 3)]
        yield _sample(packed, narrow, 5, make(1, 3, 2), make(1, 3, 3), 2, 3, 2, sizes=sizes)
        yield _sample(x, [], 4, h, c, 2, 3).raises(ArgumentError, "the weights")


def _weights(make: SampleMaker, rows: int, *sizes: tuple[int, int], times: int = 1) -> list[Tensor]:
    """Those of layers for which these many numbers come in and go around."""
    shapes = [[(rows, of_x), (rows, of_h), (rows,), (rows,)] for of_x, of_h in sizes]
    return [make(*shape) for each in shapes for _ in range(times) for shape in each]


def _sample(
    x: Tensor,
    weights: list[Tensor],
    stride: int,
    h: Tensor,
    c: Tensor | None,
    mode: int,
    size: int,
    proj: int = 0,
    *,
    layers: int = 1,
    first: bool = False,
    both: bool = False,
    sizes: Sequence[int] = (),
) -> Sample:
    last = first, 0.0, True, both, list(sizes), None
    return Sample(x, weights, stride, None, h, c, mode, size, proj, layers, *last)


_once = once_differentiable(gradient_of_layers)

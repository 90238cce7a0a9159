"""thnn_fused_lstm_cell: what the gates of an LSTM do in one step, as one kernel of CUDA."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops.recurrent._cuda import check_gates, lstm_cell, lstm_cell_gradient
from plugrad.ops.recurrent._kernel import nothing


def _reference(
    zx: Tensor,
    zh: Tensor,
    c: Tensor,
    bias: Tensor | None = None,
    state_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    check_gates("thnn_fused_lstm_cell", 4, (zx, zh, c), bias, state_bias)
    z = zx + zh if bias is None or state_bias is None else zx + bias + zh + state_bias
    i, f, g, o = z.chunk(4, 1)
    new = torch.addcmul(c * torch.sigmoid(f), torch.sigmoid(i), torch.tanh(g))
    return torch.sigmoid(o) * torch.tanh(new), new, nothing(zx)


@op(
    "thnn_fused_lstm_cell",
    overrides=(
        torch.ops.aten._thnn_fused_lstm_cell.default,
        torch.ops.aten._thnn_fused_lstm_cell,
    ),
    reference=_reference,
    aliases={
        "input_gates": "zx",
        "hidden_gates": "zh",
        "cx": "c",
        "input_bias": "bias",
        "hidden_bias": "state_bias",
    },
    waives={"primitive": "torch has the kernel on CUDA alone"},
)
class ThnnFusedLstmCell(Function):
    """h = s(o) tanh(c'), c' = s(f) c + s(i) tanh(g), where i, f, g, o = zx + zh + the biases.

    s is the sigmoid. The outputs are h, c' and nothing: torch returns there what its kernel keeps
    for backward, which is a kernel, too. A second derivative is in simple functions; so is
    everything where there is no CUDA, where torch has no such kernel. nn.LSTMCell calls it, and
    nn.LSTM without cuDNN.
    """

    @staticmethod
    def forward(
        ctx: Context,
        zx: Tensor,
        zh: Tensor,
        c: Tensor,
        bias: Tensor | None = None,
        state_bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        h, cell, kept = lstm_cell(zx, zh, c, bias, state_bias)
        ctx.save_for_backward(zx, zh, c, bias, state_bias, cell, kept)
        last = nothing(zx)
        ctx.mark_non_differentiable(*[t for t in (last, kept) if t is not None])
        return h, cell, last

    @staticmethod
    def backward(ctx: Context, gh: Tensor, gc: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        gz, gc, summed = lstm_cell_gradient(ctx.saved_tensors, gh, gc)
        return gz, gz.clone(), gc, summed, None if summed is None else summed.clone()

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 12), make(2, 12), make(2, 3))
        yield Sample(make(3, 8), make(3, 8), make(3, 2), make(8), make(8))
        yield Sample(make(2, 4), make(2, 4), make(2, 1), bias=make(4), state_bias=make(4))
        yield Sample(make(0, 4), make(0, 4), make(0, 1))
        first = make.tensor(0, dtype=torch.int64)
        shapes = (2, 12), (2, 12), (2, 3), (12,), (12,)
        yield Sample(*[make(*shape).index_fill(-1, first, 0.0) for shape in shapes])
        yield Sample(make(2, 12), make(2, 12), make(2, 4)).raises(ArgumentError, "of shape")
        one = Sample(make(2, 4), make(2, 4), make(2, 1), make(4))
        yield one.raises(ArgumentError, "both")
        mixed = Sample(make(2, 4), make(2, 4).float(), make(2, 1))
        yield mixed.raises(ArgumentError, "dtype")

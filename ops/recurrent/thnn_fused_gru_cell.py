"""thnn_fused_gru_cell: what the gates of a GRU do in one step, as one kernel of CUDA."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops.recurrent._cuda import check_gates, gru_cell, gru_cell_gradient
from plugrad.ops.recurrent._kernel import nothing


def _reference(
    zx: Tensor,
    zh: Tensor,
    h: Tensor,
    bias: Tensor | None = None,
    state_bias: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    check_gates("thnn_fused_gru_cell", 3, (zx, zh, h), bias, state_bias)
    zx, zh = (zx, zh) if bias is None or state_bias is None else (zx + bias, zh + state_bias)
    xr, xz, xn = zx.chunk(3, 1)
    hr, hz, hn = zh.chunk(3, 1)
    z = torch.sigmoid(xz + hz)
    n = torch.tanh(torch.addcmul(xn, torch.sigmoid(xr + hr), hn))
    return (1 - z) * n + z * h, nothing(zx)


@op(
    "thnn_fused_gru_cell",
    overrides=(
        torch.ops.aten._thnn_fused_gru_cell.default,
        torch.ops.aten._thnn_fused_gru_cell,
    ),
    reference=_reference,
    aliases={
        "input_gates": "zx",
        "hidden_gates": "zh",
        "hx": "h",
        "input_bias": "bias",
        "hidden_bias": "state_bias",
    },
    waives={
        "primitive": "torch has the kernel on CUDA alone",
        "no-nan": "a gate of 0 or 1 has slope 0, times an infinite zh: nan, as in torch",
    },
)
class ThnnFusedGruCell(Function):
    """h' = (1 - z) n + z h, where r, z = s(zx + zh) and n = tanh(zx + r zh), each of its third.

    s is the sigmoid, and the biases are added to zx and zh before. The outputs are h' and nothing:
    torch returns there what its kernel keeps for backward, which is a kernel, too. A second
    derivative is in simple functions; so is everything where there is no CUDA, where torch has no
    such kernel. nn.GRUCell calls it, and nn.GRU without cuDNN.
    """

    @staticmethod
    def forward(
        ctx: Context,
        zx: Tensor,
        zh: Tensor,
        h: Tensor,
        bias: Tensor | None = None,
        state_bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        state, kept = gru_cell(zx, zh, h, bias, state_bias)
        ctx.save_for_backward(zx, zh, h, bias, state_bias, kept)
        last = nothing(zx)
        ctx.mark_non_differentiable(*[t for t in (last, kept) if t is not None])
        return state, last

    @staticmethod
    def backward(ctx: Context, gh: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        return gru_cell_gradient(ctx.saved_tensors, gh)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 9), make(2, 9), make(2, 3))
        yield Sample(make(3, 6), make(3, 6), make(3, 2), make(6), make(6))
        yield Sample(make(2, 3), make(2, 3), make(2, 1), bias=make(3), state_bias=make(3))
        yield Sample(make(0, 3), make(0, 3), make(0, 1))
        first = make.tensor(0, dtype=torch.int64)
        shapes = (2, 9), (2, 9), (2, 3), (9,), (9,)
        yield Sample(*[make(*shape).index_fill(-1, first, 0.0) for shape in shapes])
        yield Sample(make(2, 9), make(2, 9), make(2, 4)).raises(ArgumentError, "of shape")
        one = Sample(make(2, 3), make(2, 3), make(2, 1), make(3))
        yield one.raises(ArgumentError, "both")
        mixed = Sample(make(2, 3), make(2, 3).float(), make(2, 1))
        yield mixed.raises(ArgumentError, "dtype")

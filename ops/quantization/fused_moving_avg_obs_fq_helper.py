"""fused_moving_avg_obs_fq_helper: fake quantization in a range that follows the numbers seen."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker, op
from plugrad.core.unpack import gradient_refused
from plugrad.errors import ArgumentError
from plugrad.ops.quantization._straight_through import IN_FLOAT32, REASON, StraightThrough, noted

_BUFFERS = ("running_min", "running_max", "scale", "zero_point")
_MOVES = "it computes scale and zero_point from the range that was seen, in place"
_KERNEL = torch.ops.aten._fused_moving_avg_obs_fq_helper.default


@op(
    "fused_moving_avg_obs_fq_helper",
    overrides=(_KERNEL,),
    surrogate=REASON,
    surrogate_reference=_KERNEL,
    equivalent={
        "float32-inside": IN_FLOAT32,
        "conj-dropped": "it takes complex numbers only where it copies them, all switched off",
    },
)
class FusedMovingAvgObsFqHelper(StraightThrough):
    """y = x rounded to steps of size scale, as fake_quantize does;  gx = gy where in range.

    That is mask, the second output. With observer_on, running_min and running_max first move
    towards x's extrema by averaging_const, and scale and zero_point are computed from them,
    all in place. Without fake_quant_on y is x. Only x has a gradient (so it is in torch).
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        observer_on: Tensor,
        fake_quant_on: Tensor,
        running_min: Tensor,
        running_max: Tensor,
        scale: Tensor,
        zero_point: Tensor,
        averaging_const: float,
        quant_min: int,
        quant_max: int,
        ch_axis: int,
        per_row_fake_quant: bool = False,
        symmetric_quant: bool = False,
    ) -> tuple[Tensor, Tensor]:
        for position, name in enumerate(_BUFFERS, 3):
            if ctx.needs_input_grad[position]:
                raise gradient_refused("fused_moving_avg_obs_fq_helper", name)
        state = observer_on, fake_quant_on, running_min, running_max, scale, zero_point
        how = averaging_const, quant_min, quant_max, ch_axis, per_row_fake_quant, symmetric_quant
        y, mask = _KERNEL(x, *state, *how)
        return noted(ctx, (y, mask))

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        off, on = make.tensor([0], torch.int64), make.tensor([1], torch.int64)
        for count, *how in (1, 0, False, True), (1, -1), (3, 0, True):
            state = [make.tensor([number] * count, torch.float32) for number in (-1.0, 1.5, 0.25)]
            state.append(make.tensor([0] * count, torch.int32))
            for fake in on, off:
                fixed = Sample(make(3, 4), off, fake, *state, 0.1, 0, 15, *how)
                fixed = fixed.constant(3, 4, 5, 6)
                yield fixed.waive("inputs-unchanged", _MOVES) if fake is on else fixed
        edges = make.tensor([[-9.0, 0.0], [0.0, 0.3], [9.0, 0.0]])
        edges_ = Sample(edges, off, on, *state, 0.1, 0, 15, 0, True).constant(3, 4, 5, 6)
        yield edges_.waive("inputs-unchanged", _MOVES)
        moving = Sample(make(3, 4).float(), on, on, *state, 0.1, -8, 7, 0, True)
        moving = moving.constant(3, 4, 5, 6).waive("inputs-unchanged", _MOVES)
        yield moving.waive("layouts", "torch's kernel misreads a running range that has strides")
        learned = Sample(make(3, 4), off, on, *state, 0.1, 0, 15, 0).constant(3, 4)
        yield learned.raises(ArgumentError, "scale")

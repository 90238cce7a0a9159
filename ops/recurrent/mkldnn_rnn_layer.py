"""mkldnn_rnn_layer: one layer of an LSTM on the CPU, in one direction, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op
from plugrad.ops.recurrent._kernel import for_kernel, nothing, outputs_of_layer
from plugrad.ops.recurrent._lstm import Weights, lstm_gradient


def _reference(x: Tensor, *given: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    y, h, c, _ = outputs_of_layer(x, *given)
    return y, h, c, nothing(x)


@op(
    "mkldnn_rnn_layer",
    overrides=(
        torch.ops.aten.mkldnn_rnn_layer.default,
        torch.ops.aten.mkldnn_rnn_layer,
    ),
    reference=_reference,
    aliases={"hx_": "h", "cx_": "c"},
    waives={
        "no-nan": "a gate of 0 or 1 has slope 0, times an infinite x: nan, as in torch",
    },
)
class MkldnnRnnLayer(Function):
    """c = s(f) c + s(i) tanh(g);  h = s(o) tanh(c)  for each step x[t].

    s is the sigmoid, and i, f, g, o = weight0 x[t] + weight1 h + weight2 + weight3, in four parts.
    The outputs are the h of all steps, the last h, the last c, and nothing: torch returns there
    what its kernel keeps for backward, which is a kernel, too. A second derivative goes step by
    step, with the gates computed again; so does everything in a dtype that oneDNN does not know.
    nn.LSTM calls it for each layer and direction, in float32. Without biases weight2 and weight3
    are placeholders. The five numbers from num_layers on, save has_biases, change nothing.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        weight0: Tensor,
        weight1: Tensor,
        weight2: Tensor,
        weight3: Tensor,
        h: Tensor,
        c: Tensor,
        reverse: bool,
        batch_sizes: Sequence[int],
        mode: int,
        hidden_size: int,
        num_layers: int,
        has_biases: bool,
        bidirectional: bool,
        batch_first: bool,
        train: bool,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        four, size = (weight0, weight1, weight2, weight3), (hidden_size, num_layers)
        last = *size, has_biases, bidirectional, batch_first, train
        *outputs, kept = outputs_of_layer(x, *four, h, c, reverse, batch_sizes, mode, *last)
        ctx.save_for_backward(x, *four, h, c, *outputs, kept)
        fourth = nothing(x)
        ctx.mark_non_differentiable(fourth)
        ctx.set_materialize_grads(False)
        ctx.reverse, ctx.has_biases = bool(reverse), bool(has_biases)
        ctx.options = mode, *size, has_biases, train, bidirectional
        return *outputs, fourth

    @staticmethod
    def backward(ctx: Context, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        x, *four, h, c, y, hn, cn, kept = ctx.saved_tensors
        if kept is None or isinstance(x, Variable):
            given = x, Weights.of(four, ctx.has_biases), h, c
            return lstm_gradient(given, y, grads[:3], ctx.reverse)
        # Autocast may have made y, and with it everything in the kernel, narrower than x.
        tensors = for_kernel(y.dtype, x, *four, h, c, y, hn, cn, *grads[:3])
        # The kernel writes into what it kept: a clone, for a second backward in another thread.
        found = _backward(*tensors, ctx.reverse, *ctx.options, [], False, kept.clone())
        gx, g0, g1, g2, g3, gh, gc = [g.to(x.dtype) for g in found]  # they are of float32
        return (gx, g0, g1, g2, g3, gh, gc) if ctx.has_biases else (gx, g0, g1, None, None, gh, gc)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for steps, reverse, bias in ((3, False, True), (2, True, True), (2, False, False)):
            states = make(steps, 2, 2), make(2, 3), make(2, 3)
            sample = _sample(states, (make(12, 2), make(12, 3), make(12), make(12)), reverse, bias)
            yield sample if bias else sample.constant(3, 4)
        wide = [make(*shape).float() for shape in ((2, 2, 2), (2, 3), (2, 3))]
        weights = [make(*shape).float() for shape in ((12, 2), (12, 3), (12,), (12,))]
        yield _sample(wide, weights, True, True)
        zeros = [torch.zeros_like(t) for t in states]
        yield _sample(zeros, [torch.zeros_like(t).double() for t in weights], False, True)


def _sample(
    states: Sequence[Tensor], weights: Sequence[Tensor], reverse: bool, bias: bool
) -> Sample:
    x, h, c = states
    return Sample(x, *weights, h, c, reverse, [], 2, 3, 1, bias, False, False, True)


_backward = torch.ops.aten.mkldnn_rnn_layer_backward.default

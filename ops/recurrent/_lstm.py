"""One layer of an LSTM in one direction, and its gradient, in simple functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, NoReturn

import torch
from torch import Tensor

from plugrad.errors import ArgumentError
from plugrad.ops.recurrent._cells import lstm_of_gates

#: How torch's RNN modules count: the one of an LSTM.
_LSTM_MODE = 2


class Weights(NamedTuple):
    """One for the input and one for the state, and their biases if there are any."""

    of_input: Tensor
    of_state: Tensor
    bias: Tensor | None
    state_bias: Tensor | None

    @classmethod
    def of(cls, four: Sequence[Tensor], has_biases: bool) -> Weights:
        """From four tensors, of which the last two are placeholders without biases."""
        return cls(*four) if has_biases else cls(four[0], four[1], None, None)

    def on(self, x: Tensor, h: Tensor) -> Tensor:
        """What the four gates are made of."""
        z = x @ self.of_input.mT + h @ self.of_state.mT
        if self.bias is None or self.state_bias is None:
            return z
        return z + self.bias + self.state_bias


def check_lstm(
    x: Tensor, weights: Weights, states: Sequence[Tensor], batch_sizes: Sequence[int], *size: int
) -> None:
    """Raise ArgumentError for what nn.LSTM never asks of the kernel, which does not look."""
    (h, c), (mode, hidden_size) = states, size
    if mode != _LSTM_MODE or len(batch_sizes):
        _refuse(f"mode must be {_LSTM_MODE}, an LSTM's, and batch_sizes empty", x)
    if x.dim() != 3 or not len(x):
        _refuse("x must be (steps, sequences, features), with a step at least", x)
    state = x.shape[1], hidden_size
    if h.shape != c.shape or h.shape not in (state, (1, *state)):
        _refuse(f"h and c must be of shape {state}", x)
    rows = 4 * hidden_size
    wanted = [(rows, x.shape[2]), (rows, hidden_size), (rows,), (rows,)]
    given = [w for w in weights if w is not None]
    if any(w.shape != shape for w, shape in zip(given, wanted, strict=False)):
        _refuse(f"the weights must be of shapes {wanted[0]}, {wanted[1]} and twice {wanted[2]}", x)
    if not x.is_floating_point() or any(t.dtype is not x.dtype for t in (*given, h, c)):
        _refuse("all tensors must be of the same floating-point dtype", x)


def _refuse(what: str, x: Tensor) -> NoReturn:
    raise ArgumentError(
        what,
        where=f"a call of mkldnn_rnn_layer, x of shape {tuple(x.shape)}",
        fix="call torch.nn.LSTM or torch.nn.GRU, which chooses what to call",
    )


def lstm(
    x: Tensor, weights: Weights, h: Tensor, c: Tensor, reverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The states of all steps, and the last state and cell."""
    given, states = h, []
    h, c = h.flatten(0, -2), c.flatten(0, -2)
    for step in (x.flip(0) if reverse else x).unbind(0):
        h, c = lstm_of_gates(weights.on(step, h), c)
        states.append(h)
    y = torch.stack(states)
    return (y.flip(0) if reverse else y), h.view_as(given), c.view_as(given)


def lstm_gradient(
    given: tuple[Tensor, Weights, Tensor, Tensor],
    y: Tensor,
    grads: Sequence[Tensor | None],
    reverse: bool,
) -> tuple[Tensor | None, ...]:
    """The gradient of x, of the four weights, of h and of c, from those of what lstm returned."""
    x, weights, h, c = given
    gy, gh, gc = grads
    if reverse:
        x, y, gy = x.flip(0), y.flip(0), None if gy is None else gy.flip(0)
    before = torch.cat([h.reshape_as(y[:1]), y[:-1]])
    i, f, g, o = weights.on(x, before).chunk(4, -1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    cells = [c.flatten(0, -2)]
    for step in range(len(x)):
        cells.append(f[step] * cells[-1] + i[step] * g[step])
    slope_i, slope_f, slope_g, slope_o = i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)
    gh = torch.zeros_like(cells[0]) if gh is None else gh.flatten(0, -2)
    gc = torch.zeros_like(cells[0]) if gc is None else gc.flatten(0, -2)
    steps = []
    for step in reversed(range(len(x))):
        gh = gh if gy is None else gh + gy[step]
        t = cells[step + 1].tanh()
        gc = gc + gh * o[step] * (1 - t * t)
        parts = (
            gc * g[step] * slope_i[step],
            gc * cells[step] * slope_f[step],
            gc * i[step] * slope_g[step],
            gh * t * slope_o[step],
        )
        steps.append(torch.cat(parts, -1))
        gh, gc = steps[-1] @ weights.of_state, gc * f[step]
    gh, gc = gh.view_as(h), gc.view_as(h)
    gz = torch.stack(steps[::-1])
    gx = gz @ weights.of_input
    flat = gz.flatten(0, 1)
    of_input, of_state = flat.mT @ x.flatten(0, 1), flat.mT @ before.flatten(0, 1)
    bias = None if weights.bias is None else flat.sum(0)
    state_bias = None if bias is None else bias.clone()
    return (gx.flip(0) if reverse else gx), of_input, of_state, bias, state_bias, gh, gc

"""One step of a recurrent layer, and its gradient, in simple functions.

A step takes what the input and the state add to the gates, zx and zh, and the state and the cell
before it, h and c; it returns those after it. Layers without a cell have None there. A gradient
takes a step's arguments, and the gradients gh and gc of what it returned; it returns those of its
arguments, with None for h where h has a part in zh alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

_Maybe = Tensor | None
_Gradients = tuple[Tensor, Tensor, _Maybe, _Maybe]


def _relu(zx: Tensor, zh: Tensor, *_: _Maybe) -> tuple[Tensor, None]:
    return (zx + zh).relu(), None


def _relu_gradient(zx: Tensor, zh: Tensor, _h: Any, _c: Any, gh: Tensor, _: Any) -> _Gradients:
    gz = gh * (zx + zh > 0)
    return gz, gz, None, None


def _tanh(zx: Tensor, zh: Tensor, *_: _Maybe) -> tuple[Tensor, None]:
    return (zx + zh).tanh(), None


def _tanh_gradient(zx: Tensor, zh: Tensor, _h: Any, _c: Any, gh: Tensor, _: Any) -> _Gradients:
    t = (zx + zh).tanh()
    gz = gh * (1 - t * t)
    return gz, gz, None, None


def lstm_step(zx: Tensor, zh: Tensor, _: _Maybe, c: Tensor) -> tuple[Tensor, Tensor]:
    """A step of an LSTM: zx and zh have the gates i, f, g and o side by side."""
    return lstm_of_gates(zx + zh, c)


def lstm_of_gates(z: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The state and the cell that all gates, side by side, make of the cell before."""
    i, f, g, o = z.chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def lstm_step_gradient(
    zx: Tensor, zh: Tensor, _: _Maybe, c: Tensor, gh: Tensor, gc: Tensor
) -> tuple[Tensor, Tensor, None, Tensor]:
    """That of zx and of zh, which is the same, and that of c."""
    i, f, g, o = (zx + zh).chunk(4, -1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    t = (f * c + i * g).tanh()
    gc = gc + gh * o * (1 - t * t)
    slopes = i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)
    parts = [p * s for p, s in zip((gc * g, gc * c, gc * i, gh * t), slopes, strict=True)]
    gz = torch.cat(parts, -1)
    return gz, gz, None, gc * f


def _gates_of_gru(zx: Tensor, zh: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """r, z and n, and what the state adds to n before r shuts it out."""
    (xr, xz, xn), (hr, hz, hn) = zx.chunk(3, -1), zh.chunk(3, -1)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return r, z, (xn + r * hn).tanh(), hn


def gru_step(zx: Tensor, zh: Tensor, h: Tensor, *_: _Maybe) -> tuple[Tensor, None]:
    """A step of a GRU: zx and zh have the gates r, z and n side by side."""
    _r, z, n, _hn = _gates_of_gru(zx, zh)
    return n + z * (h - n), None


def gru_step_gradient(
    zx: Tensor, zh: Tensor, h: Tensor, _c: _Maybe, gh: Tensor, _: Any
) -> tuple[Tensor, Tensor, Tensor, None]:
    """Those of zx, of zh and of h."""
    r, z, n, hn = _gates_of_gru(zx, zh)
    gn = gh * (1 - z) * (1 - n * n)
    gr, gz = gn * hn * r * (1 - r), gh * (h - n) * z * (1 - z)
    return torch.cat([gr, gz, gn], -1), torch.cat([gr, gz, gn * r], -1), gh * z, None


class Cell(NamedTuple):
    """A kind of layer: how many gates it has, its step, and the step's gradient."""

    gates: int
    step: Callable[..., tuple[Tensor, _Maybe]]
    gradient: Callable[..., _Gradients]


#: How torch counts the kinds of layers: their modes.
RELU, TANH, LSTM, GRU = range(4)

CELLS = (
    Cell(1, _relu, _relu_gradient),
    Cell(1, _tanh, _tanh_gradient),
    Cell(4, lstm_step, lstm_step_gradient),
    Cell(3, gru_step, gru_step_gradient),
)

"""Recurrent layers on top of one another, in simple functions, and their gradient.

The rows of all steps are in one tensor of two dimensions, the first step's first. ``rows`` says
how many each step has: as many as there are sequences or, of packed sequences, as there are that
have not ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from plugrad.ops.recurrent._cells import CELLS, Cell


class Weights(NamedTuple):
    """One for the input and one for the state; biases, or none; an LSTM's projection, or none."""

    of_input: Tensor
    of_state: Tensor
    bias: Tensor | None
    state_bias: Tensor | None
    projection: Tensor | None

    @classmethod
    def of(cls, given: Sequence[Tensor], projected: bool) -> Weights:
        """From those that there are."""
        of_input, of_state, *others = given
        projection = others.pop() if projected else None
        bias, state_bias = others or (None, None)
        return cls(of_input, of_state, bias, state_bias, projection)


class Stack(NamedTuple):
    """How layers are put together."""

    mode: int
    layers: int
    bidirectional: bool
    #: How many weights a layer has in one direction, and whether the last is a projection.
    weights: int
    projected: bool

    @property
    def directions(self) -> int:
        """1 or 2."""
        return 2 if self.bidirectional else 1


class Pass:
    """One layer in one direction: it runs and then, backward, finds its gradient."""

    def __init__(self, cell: Cell, weights: Weights, rows: Sequence[int], reverse: bool) -> None:
        self.cell, self.weights, self.rows = cell, weights, rows
        self.order = range(len(rows))[::-1] if reverse else range(len(rows))

    def run(self, x: Tensor, h: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """The states of all steps, the last state and the last cell."""
        of_input, of_state, bias, state_bias, projection = self.weights
        self.x = x
        #: By step: the arguments of the cell, and its state before it is projected.
        self.steps: list[Any] = [None] * len(self.rows)
        zx = _product(x, of_input, bias).split_with_sizes(list(self.rows))
        states: list[Any] = [None] * len(self.rows)
        for step in self.order:
            n = self.rows[step]
            given = _first(h, n), None if c is None else _first(c, n)
            zh = _product(given[0], of_state, state_bias)
            full, cell = self.cell.step(zx[step], zh, *given)
            state = full if projection is None else full @ projection.mT
            self.steps[step] = (zx[step], zh, *given), full
            states[step] = state
            h = _over(h, state)
            c = c if c is None or cell is None else _over(c, cell)
        return torch.cat(states), h, c

    def gradient(self, gy: Tensor, gh: Tensor, gc: Tensor | None) -> tuple[Any, ...]:
        """Those of x, of the weights that there are, of the first state and the first cell."""
        of_input, of_state, bias, _, projection = self.weights
        gys = gy.split_with_sizes(list(self.rows))
        found: list[Any] = [None] * len(self.rows)
        for step in reversed(self.order):
            given, _ = self.steps[step]
            n = self.rows[step]
            own = _first(gh, n) + gys[step]
            full = own if projection is None else own @ projection
            of_cell = None if gc is None else _first(gc, n)
            gzx, gzh, before, of_cell = self.cell.gradient(*given, full, of_cell)
            found[step] = gzx, gzh, own
            through = gzh @ of_state
            gh = _over(gh, through if before is None else through + before)
            gc = gc if gc is None or of_cell is None else _over(gc, of_cell)
        gzx, gzh, own = (torch.cat(parts) for parts in zip(*found, strict=True))
        before = torch.cat([given[2] for given, _ in self.steps])
        of_weights = [gzx.mT @ self.x, gzh.mT @ before]
        of_weights += [] if bias is None else [gzx.sum(0), gzh.sum(0)]
        if projection is not None:
            of_weights.append(own.mT @ torch.cat([full for _, full in self.steps]))
        return gzx @ of_input, of_weights, gh, gc


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    z = x @ weight.mT
    return z if bias is None else z + bias


def _first(x: Tensor, n: int) -> Tensor:
    return x if n == len(x) else x[:n]


def _over(old: Tensor, new: Tensor) -> Tensor:
    """``new``, and the rows of ``old`` after those: of sequences that have ended, or not begun."""
    return new if len(new) == len(old) else torch.cat([new, old[len(new) :]])


def run(
    x: Tensor,
    weights: Sequence[Tensor],
    h: Tensor,
    c: Tensor | None,
    rows: Sequence[int],
    form: Stack,
) -> tuple[Tensor, Tensor, Tensor | None, list[Pass]]:
    """The states of the last layer, the last states and cells of all, and what ran."""
    passes: list[Pass] = []
    hs, cs = [], []
    for _ in range(form.layers):
        outputs = []
        for direction in range(form.directions):
            k = len(passes)
            own = weights[k * form.weights : (k + 1) * form.weights]
            each = Pass(CELLS[form.mode], Weights.of(own, form.projected), rows, direction == 1)
            y, hn, cn = each.run(x, h[k], None if c is None else c[k])
            passes.append(each)
            outputs.append(y)
            hs.append(hn)
            cs.append(cn)
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
    return x, torch.stack(hs), None if c is None else torch.stack(cs), passes  # type: ignore[arg-type]


def gradient(
    passes: Sequence[Pass], directions: int, gy: Tensor, gh: Tensor, gc: Tensor | None
) -> tuple[Tensor, list[Tensor], Tensor, Tensor | None]:
    """Those of x, of all weights, of h and of c."""
    found: list[Any] = [None] * len(passes)
    for start in reversed(range(0, len(passes), directions)):
        pieces = gy.chunk(directions, -1)
        for k in range(start, start + directions):
            of_cell = None if gc is None else gc[k]
            found[k] = passes[k].gradient(pieces[k - start], gh[k], of_cell)
        gx = found[start][0]
        gy = gx if directions == 1 else gx + found[start + 1][0]
    of_weights = [g for each in found for g in each[1]]
    of_h = torch.stack([each[2] for each in found])
    return gy, of_weights, of_h, None if gc is None else torch.stack([each[3] for each in found])

"""cuDNN's kernel for all layers of a network: what it is given, and what stands for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor

from plugrad.core import Context
from plugrad.errors import ArgumentError
from plugrad.ops.recurrent._cells import CELLS, LSTM
from plugrad.ops.recurrent._cuda import has_backward, has_kernel
from plugrad.ops.recurrent._kernel import for_kernel, nothing
from plugrad.ops.recurrent._layers import Stack, gradient, run


class Options(NamedTuple):
    """The numbers of a call."""

    stride: int
    mode: int
    hidden: int
    proj: int
    layers: int
    batch_first: bool
    dropout: float
    train: bool
    bidirectional: bool
    batch_sizes: tuple[int, ...]

    @property
    def drops(self) -> bool:
        """Whether there is dropout, which is between layers."""
        return self.dropout > 0 and self.train and self.layers > 1

    @property
    def transposed(self) -> bool:
        """Whether the first dimension of x is that of the sequences; a packed one has none."""
        return self.batch_first and not self.batch_sizes

    @property
    def stack(self) -> Stack:
        """How the layers are put together."""
        return Stack(self.mode, self.layers, self.bidirectional, self.stride, self.proj > 0)

    @property
    def for_kernel(self) -> tuple[Any, ...]:
        """From mode on. With batch_first the kernel would look for y in one layout alone."""
        numbers = self.mode, self.hidden, self.proj, self.layers, False
        return *numbers, self.dropout, self.train, self.bidirectional, list(self.batch_sizes)


def outputs_of_layers(
    x: Tensor,
    weights: Sequence[Tensor],
    buffer: Tensor | None,
    h: Tensor,
    c: Tensor | None,
    options: Options,
    dropout_state: Tensor | None,
) -> Sequence[Any]:
    """y, h and c, and what the kernel keeps for backward, if it ran: a reserve and the weights."""
    check(x, weights, h, c, options)
    rows, form = _rows(x, options), options.stack
    if has_kernel(x):
        given = *for_kernel(x.dtype, h, c), *options.for_kernel, dropout_state
        steps = _steps_first(x, options).contiguous()
        y, hn, cn, *kept = _forward(steps, list(weights), options.stride, buffer, *given)
        return _steps_first(y, options), hn, cn, *kept
    if options.drops:
        _refuse("cuDNN alone knows what its dropout leaves out", x)
    y, hn, cn, _ = run(_flat(x, options), weights, h, c, rows, form)
    return _as_given(y, x, options), hn, x.new_empty(0) if cn is None else cn, None, None


def gradient_of_layers(ctx: Context, *grads: Any) -> tuple[Any, ...]:
    """The gradients of x, of the weights, of h and of c, at their places among the arguments."""
    *kept, x, h, c, weights = *ctx.saved_tensors[:7], ctx.saved_tensors[7:]
    gy, gh, gc = grads[:3]
    options = ctx.options
    # The kernel has no gradient in eval mode; and what dropout left out it alone knows.
    by_kernel = options.drops or (options.train and has_backward(x, kept[1]))
    wanted = bool(ctx.needs_input_grad[1])
    find = partial(_by_kernel, kept, wanted) if by_kernel else _by_steps
    gx, gws, gh, gc = find((x, weights, h, c), (gy, gh, None if c is None else gc), options)
    return gx, gws if wanted else [None] * len(weights), None, None, gh, gc


def _by_steps(given: Sequence[Any], grads: Sequence[Any], options: Options) -> tuple[Any, ...]:
    x, weights, h, c = given
    gy, gh, gc = grads
    *_, passes = run(_flat(x, options), weights, h, c, _rows(x, options), options.stack)
    found = gradient(passes, options.stack.directions, _flat(gy, options), gh, gc)
    return _as_given(found[0], x, options), *found[1:]


def _by_kernel(
    kept: Sequence[Any],
    wanted: bool,
    given: Sequence[Any],
    grads: Sequence[Any],
    options: Options,
) -> tuple[Any, ...]:
    y, reserve, buffer, dropout_state = kept
    x, weights, h, c = given
    gy, gh, gc = grads
    steps, y, gy = [_steps_first(t, options) for t in (x, y, gy)]
    # Autocast may have made y, and with it everything in the kernel, narrower than x.
    steps, h, c, y, *grads = for_kernel(y.dtype, steps, h, c, y, gy, gh, gc)
    weights = [w.to(y.dtype) for w in weights]
    mask = [True, True, c is not None, wanted]
    # The kernel writes into its reserve: a clone, for a second backward.
    last = *options.for_kernel, dropout_state, reserve.clone(), mask
    found = _backward(steps, weights, options.stride, buffer, h, c, y, *grads, *last)
    gx, gh = found[0].to(x.dtype), found[1].to(x.dtype)
    gws = [g.to(x.dtype) for g in found[3]]
    return _steps_first(gx, options), gws, gh, None if c is None else found[2].to(x.dtype)


def torchs_layers(
    x: Tensor,
    weights: Sequence[Tensor],
    weight_stride0: int,
    _: Tensor | None,
    h: Tensor,
    c: Tensor | None,
    *numbers: Any,
) -> tuple[Tensor, ...]:
    """What torch computes, with other primitives where there is no CUDA."""
    mode, hidden, proj, layers, batch_first, dropout, train, both, sizes, _state = numbers
    first = weight_stride0, mode, hidden, proj, layers, batch_first, dropout, train, both
    check(x, weights, h, c, Options(*first, tuple(sizes)))
    function: Any = (torch._VF.rnn_relu, torch._VF.rnn_tanh, torch._VF.lstm, torch._VF.gru)[mode]
    has_biases = weight_stride0 - (proj > 0) == 4
    state = h if c is None else (h, c)
    last = has_biases, layers, dropout, train, both
    if sizes:
        y, *states = function(x, torch.tensor(sizes), state, list(weights), *last)
    else:
        y, *states = function(x, state, list(weights), *last, batch_first)
    return y, *states, *([x.new_empty(0)] if c is None else []), nothing(x), nothing(x)


def check(
    x: Tensor, weights: Sequence[Tensor], h: Tensor, c: Tensor | None, options: Options
) -> None:
    """Raise ArgumentError for what nn.LSTM and its like never ask of the kernel."""
    mode, sizes, form = options.mode, options.batch_sizes, options.stack
    if mode not in range(len(CELLS)) or (options.proj and mode != LSTM) or options.layers < 1:
        _refuse("mode must be from 0 to 3, proj_size 0 but for mode 2, and there be a layer", x)
    if (c is None) is (mode == LSTM):
        _refuse("there must be cx for mode 2, an LSTM, and for no other", x)
    if x.dim() != (2 if sizes else 3) or not x.shape[1 if options.transposed else 0]:
        _refuse("x must be (steps, sequences, features), with a step at least; or packed", x)
    if sizes and (sum(sizes) != len(x) or list(sizes) != sorted(sizes)[::-1] or sizes[-1] < 1):
        _refuse("batch_sizes must not grow, and must add up to the rows of x", x)
    count = form.layers * form.directions
    sequences = _rows(x, options)[0]
    size = options.proj or options.hidden
    if h.shape != (count, sequences, size):
        _refuse(f"hx must be of shape {(count, sequences, size)}", x)
    if c is not None and c.shape != (count, sequences, options.hidden):
        _refuse(f"cx must be of shape {(count, sequences, options.hidden)}", x)
    wanted = [shape for k in range(count) for shape in _shapes(x, options, k)]
    if [tuple(w.shape) for w in weights] != wanted:
        _refuse(f"the weights must be of shapes {wanted}", x)
    others = [*weights, h] if c is None else [*weights, h, c]
    if not x.is_floating_point() or any(t.dtype is not x.dtype for t in others):
        _refuse("all tensors must be of the same floating-point dtype", x)


def _shapes(x: Tensor, options: Options, k: int) -> list[tuple[int, ...]]:
    """Those of the weights of one layer in one direction."""
    form, rows = options.stack, CELLS[options.mode].gates * options.hidden
    size = options.proj or options.hidden
    features = x.shape[-1] if k < form.directions else form.directions * size
    of_layer: list[tuple[int, ...]] = [(rows, features), (rows, size)]
    of_layer += [(rows,), (rows,)] if options.stride - form.projected == 4 else []
    return of_layer + [(size, options.hidden)] * form.projected


def _refuse(what: str, x: Tensor) -> NoReturn:
    raise ArgumentError(
        what,
        where=f"a call of cudnn_rnn, x of shape {tuple(x.shape)}",
        fix="call torch.nn.LSTM, GRU or RNN, which chooses what to call",
    )


def _rows(x: Tensor, options: Options) -> Sequence[int]:
    """How many rows each step has."""
    if options.batch_sizes:
        return options.batch_sizes
    sequences, steps = x.shape[:2] if options.batch_first else (x.shape[1], x.shape[0])
    return (sequences,) * steps


def _steps_first(x: Tensor, options: Options) -> Tensor:
    return x.transpose(0, 1) if options.transposed else x


def _flat(x: Tensor, options: Options) -> Tensor:
    return x if options.batch_sizes else _steps_first(x, options).flatten(0, 1)


def _as_given(rows: Tensor, like: Tensor, options: Options) -> Tensor:
    """The rows of all steps, in the dimensions that ``like`` has."""
    if options.batch_sizes:
        return rows
    steps, sequences = _steps_first(like, options).shape[:2]
    return _steps_first(rows.reshape(steps, sequences, rows.shape[1]), options)


_forward = torch.ops.aten._cudnn_rnn.default
_backward = torch.ops.aten._cudnn_rnn_backward.default

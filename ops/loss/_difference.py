"""What losses of a difference x - y share: a gradient that is odd in it, by one kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Sample, SampleMaker
from plugrad.ops.loss._reduction import share

#: Of a backward kernel that broadcasts its cotangent, and nothing else.
EQUIVALENT = {
    "unbroadcast-dropped[y]": "torch's kernel is for y and target of one shape",
    "unbroadcast-dropped[target]": "torch's kernel is for y and target of one shape",
}
Gradients = tuple[Tensor | None, ...]
_NOTHING = "in torch.vmap a mean of nothing divides by 0"


def of_one_shape(kernel: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """``kernel`` of broadcast operands, without which torch's gradient of it is wrong."""

    def loss(x: Tensor, target: Tensor, *options: Any, **named: Any) -> Tensor:
        return kernel(*torch.broadcast_tensors(x, target), *options, **named)  # type: ignore[no-untyped-call]

    return loss


def forward(
    ctx: Context, kernel: Callable[..., Tensor], x: Tensor, y: Tensor, *options: Any
) -> Tensor:
    """The loss, by its kernel."""
    ctx.save_for_backward(x, y)
    return kernel(*_of_one_shape(x, y), *options)


def gradients(ctx: Context, gz: Tensor, kernel: Callable[..., Tensor], *options: Any) -> Gradients:
    """The gradients of x and y, which are saved; the engine sums those that were broadcast."""
    x, y = _of_one_shape(*ctx.saved_tensors)
    need_gx, need_gy, *_ = ctx.needs_input_grad
    gx = kernel(gz, x, y, *options) if need_gx else None
    return gx, kernel(gz, y, x, *options) if need_gy else None


def _of_one_shape(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both, expanded: the kernels divide a mean by the size of their first operand."""
    if x.shape == y.shape:
        return x, y
    shape = torch.broadcast_shapes(x.shape, y.shape)  # type: ignore[no-untyped-call]
    return x.expand(shape), y.expand(shape)


def save(ctx: Context, x: Tensor, y: Tensor, target: Tensor) -> None:
    """Keep what ``second_gradients`` needs."""
    _, need_gy, need_gtarget, *_ = ctx.needs_input_grad
    ctx.save_for_backward(x if need_gy or need_gtarget else None, y, target)


def second_gradients(
    ctx: Context,
    gz: Tensor,
    curvature: Callable[[Tensor, Tensor], Tensor],
    kernel: Callable[..., Tensor],
    reduction: int,
    *options: Any,
) -> Gradients:
    """The gradients of a kernel's x, y and target, which are saved.

    Args:
        ctx: of the kernel's call.
        gz: its cotangent.
        curvature: takes d and a tensor; the tensor times the loss's second derivative at d.
        kernel: the gradient itself, which is linear in x.
        reduction: the number of torch's kernels.
        options: further arguments of the kernel.
    """
    x, y, target = ctx.saved_tensors
    need_gx, need_gy, need_gtarget, *_ = ctx.needs_input_grad
    gx = kernel(gz, y, target, reduction, *options) if need_gx else None
    if x is None:
        return gx, None, None
    gy = share(curvature(y - target, gz * x), reduction, y.numel())
    return gx, gy if need_gy else None, -gy if need_gtarget else None


def samples(make: SampleMaker, *options: Any, vmap: bool = False) -> Iterator[Sample]:
    """Samples of a loss, its options after the reduction; ``vmap``: with a kernel of its own."""
    for reduction in (0, 1, 2):
        yield Sample(make(2, 3), make(2, 3), reduction, *options)
        yield Sample(make(), make(), reduction, *options)
        empty = Sample(make(0, 3), make(0, 3), reduction, *options)
        if reduction == 1 and not vmap:
            empty.waive("batched-cotangents", _NOTHING)
        yield empty
    yield Sample(make(2, 3), make(2, 3), 1, *options).constant(1)
    yield Sample(make(2, 3), make(2, 3), 1, *options).constant(0)
    yield Sample(make(2, 3), make(3), 0, *options)
    yield Sample(make(2, 3), make(3), 1, *options)
    yield Sample(make(3), make(2, 3), 2, *options)
    yield Sample(make(3, 1), make(2, 1, 4), 1, *options)


def backward_samples(make: SampleMaker, *options: Any, vmap: bool = False) -> Iterator[Sample]:
    """Samples of the backward kernel with these options after the reduction."""
    for reduction, shape in ((0, (2, 3)), (1, ()), (2, ())):
        yield Sample(make(*shape), make(2, 3), make(2, 3), reduction, *options)
    yield Sample(make(), make(2, 3), make(2, 3), 1, *options).constant(1, 2)
    yield Sample(make(), make(2, 3), make(2, 3), 1, *options).constant(0)
    yield Sample(make(), make(2, 3), make(2, 3), 1, *options).constant(0, 1)
    yield Sample(make(), make(2, 3), make(2, 3), 1, *options).constant(0, 2)
    yield Sample(make(), make(), make(), 1, *options)
    empty = Sample(make(), make(0, 3), make(0, 3), 1, *options)
    if not vmap:
        empty.waive("batched-cotangents", _NOTHING)
    yield empty

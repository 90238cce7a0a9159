"""What a user's own op costs: a Function here, and the ways torch has.

The same two ops, mul (two inputs saved) and exp (the output saved), are written for
plugrad and in torch's three ways; each is applied in a chain on eight float32 numbers,
forward and backward.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import plugrad as pg
from plugrad.benchmarks.result import Result
from plugrad.benchmarks.timing import interleaved, stopwatch, threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.benchmarks.effort import Effort

_AIM = 0.55
FUNCTION = "torch Function"
SETUP = "torch Function, setup_context"
CUSTOM_OP = "torch custom_op"


def results(effort: Effort) -> Iterator[Result]:
    """Measure mul, then exp."""
    repeats = effort.repeats
    benchmarks: list[tuple[str, dict[str, Any], Any]] = [
        ("mul", _muls(), mul_chain),
        ("exp", _exps(), exp_chain),
    ]
    for name, ops, chain in benchmarks:
        contenders = {
            contender: stopwatch(chain(op, repeats, contender == "plugrad"))
            for contender, op in ops.items()
        }
        with threads(1):
            seconds = interleaved(contenders, effort.rounds)
        yield Result.of(
            f"a user's own {name}, forward + backward",
            "us",
            {contender: 1e6 * value / repeats for contender, value in seconds.items()},
            aim=_AIM,
            against=(FUNCTION, SETUP, CUSTOM_OP),
        )


def mul_chain(mul: Callable[[Any, Any], Any], repeats: int, ours: bool) -> Callable[[], None]:
    """Multiply by two leaves in turn; the gradients of both operands are wanted."""
    x, y = _leaf(torch.linspace(0.9, 1.1, 8), ours), _leaf(torch.linspace(0.8, 1.2, 8), ours)
    cotangent = torch.ones(8)

    def run() -> None:
        x.grad = y.grad = None
        z = x
        for _ in range(repeats):
            z = mul(z, y)
        z.backward(cotangent)

    return run


def exp_chain(exp: Callable[[Any], Any], repeats: int, ours: bool) -> Callable[[], None]:
    """Apply exp on and on: the numbers soon are infinite, which costs no more."""
    x = _leaf(torch.linspace(-1, 1, 8), ours)
    cotangent = torch.ones(8)

    def run() -> None:
        x.grad = None
        z = x
        for _ in range(repeats):
            z = exp(z)
        z.backward(cotangent)

    return run


def _leaf(tensor: Tensor, ours: bool) -> Any:
    return pg.Variable(tensor, requires_grad=True) if ours else tensor.requires_grad_()


# --- mul -----------------------------------------------------------------------------


class PlugradMul(pg.Function):
    """z = x y, as a user would write it for plugrad."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx: Any, gz: Any) -> Any:
        """Scale by the other factor."""
        x, y = ctx.saved_tensors
        return gz * y, gz * x


class TorchMul(torch.autograd.Function):
    """The same for torch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx: Any, gz: Any) -> Any:
        """Scale by the other factor."""
        x, y = ctx.saved_tensors
        return gz * y, gz * x


class TorchSetupMul(torch.autograd.Function):
    """The same in torch's newer style."""

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        """Multiply."""
        return x * y

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Save both factors."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gz: Any) -> Any:
        """Scale by the other factor."""
        x, y = ctx.saved_tensors
        return gz * y, gz * x


@cache
def _muls() -> dict[str, Callable[[Any, Any], Any]]:
    @torch.library.custom_op("plugrad_benchmarks::mul", mutates_args=())
    def custom_mul(x: Tensor, y: Tensor) -> Tensor:
        return x * y

    custom_mul.register_autograd(TorchSetupMul.backward, setup_context=TorchSetupMul.setup_context)
    return {
        "plugrad": PlugradMul.apply,
        FUNCTION: TorchMul.apply,
        SETUP: TorchSetupMul.apply,
        CUSTOM_OP: custom_mul,
    }


# --- exp -----------------------------------------------------------------------------


class PlugradExp(pg.Function):
    """y = exp(x), as a user would write it for plugrad."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Exponentiate."""
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gy: Any) -> Any:
        """Scale by the output."""
        (y,) = ctx.saved_tensors
        return gy * y


class TorchExp(torch.autograd.Function):
    """The same for torch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Exponentiate."""
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gy: Any) -> Any:
        """Scale by the output."""
        (y,) = ctx.saved_tensors
        return gy * y


class TorchSetupExp(torch.autograd.Function):
    """The same in torch's newer style."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        """Exponentiate."""
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Save the output."""
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, gy: Any) -> Any:
        """Scale by the output."""
        (y,) = ctx.saved_tensors
        return gy * y


@cache
def _exps() -> dict[str, Callable[[Any], Any]]:
    @torch.library.custom_op("plugrad_benchmarks::exp", mutates_args=())
    def custom_exp(x: Tensor) -> Tensor:
        return x.exp()

    custom_exp.register_autograd(TorchSetupExp.backward, setup_context=TorchSetupExp.setup_context)
    return {
        "plugrad": PlugradExp.apply,
        FUNCTION: TorchExp.apply,
        SETUP: TorchSetupExp.apply,
        CUSTOM_OP: custom_exp,
    }

"""Elementwise: an op of one operand, declared as a value and a slope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from plugrad.core.conj import conj
from plugrad.core.function import Function
from plugrad.errors import OpDefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from plugrad.core.context import Context

_Rule = tuple["Callable[..., Any]", "Callable[..., Any]", "Callable[..., Any]"]


class Elementwise(Function):
    """y = value(x);  gx = gy conj(slope(x, y)),  ty = tx slope(x, y).

    A subclass gives ``value`` and ``slope``, both static methods; forward, backward and jvp are
    made from them. ``slope`` is written like a backward, in tensor methods and torch functions.
    It is the complex derivative: the conjugation that torch's convention asks for is done here.

    Raises:
        OpDefinitionError: ``needs`` is none of "x", "y", "xy".
    """

    #: What slope looks at and is saved: "x", "y", or "xy"; it gets None for the other.
    needs: ClassVar[str] = "x"

    @staticmethod
    def value(x: Tensor) -> Tensor:
        """Compute y from a raw tensor."""
        raise NotImplementedError

    @staticmethod
    def slope(x: Any, y: Any) -> Any:
        """Return dy/dx."""
        raise NotImplementedError

    def __init_subclass__(cls, **keywords: Any) -> None:
        make = {"x": _of_x, "y": _of_y, "xy": _of_both}.get(cls.needs)
        if make is None:
            raise OpDefinitionError(
                f"{cls.__name__} has needs = {cls.needs!r}", fix='write needs = "x", "y" or "xy"'
            )
        forward, backward, jvp = make(cls.value, cls.slope)
        for name, function in (("forward", forward), ("backward", backward), ("jvp", jvp)):
            function.__qualname__ = f"{cls.__qualname__}.{name}"
            function.__module__ = cls.__module__
            setattr(cls, name, staticmethod(function))
        super().__init_subclass__(**keywords)


def _of_x(value: Callable[..., Any], slope: Callable[..., Any]) -> _Rule:
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return value(x)  # type: ignore[no-any-return]

    def backward(ctx: Context, gy: Any) -> Any:
        (x,) = ctx.saved_tensors
        return gy * conj(slope(x, None))

    def jvp(ctx: Context, tx: Any) -> Any:
        (x,) = ctx.saved_tensors
        return tx * slope(x, None)

    return forward, backward, jvp


def _of_y(value: Callable[..., Any], slope: Callable[..., Any]) -> _Rule:
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = value(x)
        ctx.save_for_backward(y)
        return y  # type: ignore[no-any-return]

    def backward(ctx: Context, gy: Any) -> Any:
        (y,) = ctx.saved_tensors
        return gy * conj(slope(None, y))

    def jvp(ctx: Context, tx: Any) -> Any:
        (y,) = ctx.saved_tensors
        return tx * slope(None, y)

    return forward, backward, jvp


def _of_both(value: Callable[..., Any], slope: Callable[..., Any]) -> _Rule:
    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = value(x)
        ctx.save_for_backward(x, y)
        return y  # type: ignore[no-any-return]

    def backward(ctx: Context, gy: Any) -> Any:
        x, y = ctx.saved_tensors
        return gy * conj(slope(x, y))

    def jvp(ctx: Context, tx: Any) -> Any:
        x, y = ctx.saved_tensors
        return tx * slope(x, y)

    return forward, backward, jvp

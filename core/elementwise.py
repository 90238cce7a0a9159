"""Elementwise: an op of one operand, declared as a value and a slope."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from torch import Tensor

from plugrad.core.conj import conj
from plugrad.core.function import Function
from plugrad.errors import OpDefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.context import Context

_Rule = tuple["Callable[..., Any]", "Callable[..., Any]", "Callable[..., Any]"]


class Elementwise(Function):
    """y = value(x);  gx = gy conj(slope(x, y)),  ty = tx slope(x, y).

    A subclass gives ``value`` and ``slope``; forward, backward and jvp are made from them,
    unless the subclass writes its own. ``slope`` is written like a backward, in tensor
    methods and torch functions. It is the complex derivative: the conjugation that torch's
    convention asks for is done here.

    Raises:
        OpDefinitionError: ``value`` or ``slope`` is missing or cannot be called so,
            ``needs`` is not one of "x", "y", "xy", or slope uses what it does not need.
    """

    #: What slope uses and what is therefore saved: "x", "y", or "xy". Using the other is an
    #: error.
    needs: ClassVar[str] = "x"

    #: The forward that was made, and of what; a class may have another forward by now.
    _made_of: ClassVar[tuple[Any, Any, str] | None] = None

    @staticmethod
    def value(x: Tensor, /) -> Tensor:
        """Compute y from a raw tensor."""
        raise NotImplementedError

    @staticmethod
    def slope(x: Any, y: Any, /) -> Any:
        """Give dy/dx, from what is saved."""
        raise NotImplementedError

    def __init_subclass__(cls, **keywords: Any) -> None:
        own = vars(cls)
        # A subclass of a complete op inherits what was made for the op.
        if not own.keys().isdisjoint(("value", "slope", "needs")) or Elementwise in cls.__bases__:
            _check(cls)
            rule = _MAKERS[cls.needs](cls)
            cls._made_of = (rule[0], cls.value, cls.needs)
            for made in rule:
                if made.__name__ not in own:
                    made.__qualname__ = f"{cls.__qualname__}.{made.__name__}"
                    made.__module__ = cls.__module__
                    setattr(cls, made.__name__, staticmethod(made))
        super().__init_subclass__(**keywords)

    @classmethod
    def is_value_and_slope(cls) -> bool:
        """Whether forward is the one that was made, of the value that the class has."""
        return (cls.forward, cls.value, cls.needs) == cls._made_of


def _check(cls: type[Elementwise]) -> None:
    for name, example in (("value", "value(x)"), ("slope", "slope(x, y)")):
        given = getattr(cls, name)
        if given is getattr(Elementwise, name):
            raise OpDefinitionError(
                f"{cls.__name__} has no {name}", fix=f"add @staticmethod def {example}: ..."
            )
        if not _takes(given, 1 if name == "value" else 2):
            raise OpDefinitionError(
                f"{cls.__name__}.{name} cannot be called as {example}",
                fix=f"write @staticmethod def {example}: ...",
            )
    if not isinstance(cls.needs, str) or cls.needs not in _MAKERS:
        raise OpDefinitionError(
            f"{cls.__name__} has needs = {cls.needs!r}", fix='write needs = "x", "y" or "xy"'
        )


def _takes(given: Any, count: int) -> bool:
    if not callable(given):
        return False
    try:
        inspect.signature(given).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # torch's own have no signature
        pass
    return True


class _NotSaved:
    """Takes the place of an operand that slope does not need. Any use of it raises."""

    def __init__(self, cls: type[Elementwise], name: str) -> None:
        self._pg_of = cls, name

    def __getattr__(self, _: str) -> Any:
        self._refuse()

    @classmethod
    def __torch_function__(cls, _: Any, __: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [*args, *(kwargs or {}).values()]
        for value in given:
            if isinstance(value, list | tuple):
                given.extend(value)
            if isinstance(value, _NotSaved):
                value._refuse()

    def _refuse(self, *_: Any) -> NoReturn:
        cls, name = self._pg_of
        raise OpDefinitionError(
            f"{cls.__name__}.slope uses {name}, which is not saved: needs = {cls.needs!r}",
            fix=f'write needs = "{name}", or needs = "xy" if it uses both',
        )

    __add__ = __sub__ = __mul__ = __truediv__ = __pow__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __abs__ = __bool__ = _refuse
    __eq__ = __ne__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def _of_x(cls: type[Elementwise]) -> _Rule:
    value, slope = cls.value, cls.slope
    none: Any = _NotSaved(cls, "y")

    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return value(x)

    def backward(ctx: Context, gy: Any) -> Any:
        (x,) = ctx.saved_tensors
        dy = slope(x, none)
        # conj's own test, which saves the call that slope costs.
        return gy * (dy if dy.__class__ is Tensor and not dy.dtype.is_complex else conj(dy))

    def jvp(ctx: Context, tx: Any) -> Any:
        (x,) = ctx.saved_tensors
        return tx * slope(x, none)

    return forward, backward, jvp


def _of_y(cls: type[Elementwise]) -> _Rule:
    value, slope = cls.value, cls.slope
    none: Any = _NotSaved(cls, "x")

    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = value(x)
        ctx.save_for_backward(y)
        return y

    def backward(ctx: Context, gy: Any) -> Any:
        (y,) = ctx.saved_tensors
        dy = slope(none, y)
        # conj's own test, which saves the call that slope costs.
        return gy * (dy if dy.__class__ is Tensor and not dy.dtype.is_complex else conj(dy))

    def jvp(ctx: Context, tx: Any) -> Any:
        (y,) = ctx.saved_tensors
        return tx * slope(none, y)

    return forward, backward, jvp


def _of_both(cls: type[Elementwise]) -> _Rule:
    value, slope = cls.value, cls.slope

    def forward(ctx: Context, x: Tensor) -> Tensor:
        y = value(x)
        ctx.save_for_backward(x, y)
        return y

    def backward(ctx: Context, gy: Any) -> Any:
        x, y = ctx.saved_tensors
        dy = slope(x, y)
        # conj's own test, which saves the call that slope costs.
        return gy * (dy if dy.__class__ is Tensor and not dy.dtype.is_complex else conj(dy))

    def jvp(ctx: Context, tx: Any) -> Any:
        x, y = ctx.saved_tensors
        return tx * slope(x, y)

    return forward, backward, jvp


_MAKERS = {"x": _of_x, "y": _of_y, "xy": _of_both}

"""Replay: the steps that make a view of its base, and the memory that both share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from plugrad.core.context import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from plugrad.core.function import Function
    from plugrad.core.variable import Variable


class Step(NamedTuple):
    """A call of a view op, less its first argument; ``number`` is which of its outputs is meant."""

    function: type[Function]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    number: int | None


def replay(steps: tuple[Step, ...], base: Variable) -> Variable:
    """The view that ``steps`` make of a Variable that is laid out like their base."""
    made: Any = base
    for step in steps:
        made = step.function.apply(made, *step.args, **step.kwargs)
        if step.number is not None:
            made = made[step.number]
    return made  # type: ignore[no-any-return]


class _Rearranged:
    """The view with the dimensions in another order, and other ones of size 1."""

    @staticmethod
    def apply(x: Variable, order: tuple[int, ...], shape: tuple[int, ...]) -> Any:
        """Make it."""
        return x.permute(order).view(shape)


def reading(tensor: Tensor) -> tuple[Any, ...]:
    """How the memory of a tensor is read, apart from its shape."""
    return tensor.storage_offset(), tensor.dtype, tensor.is_conj(), tensor.is_neg()


def rearrangement(now: Tensor, before: Tensor | None) -> tuple[Step, ...] | None:
    """The steps from ``now`` back to ``before``, which ``t_``, ``squeeze_``, ... made it of.

    None if it was made in another way.
    """
    if now is before:
        return ()
    if before is None or not shares_memory(now, before):
        return None
    if reading(now) != reading(before):
        return None
    left = [d for d, size in enumerate(now.shape) if size != 1]
    ones = [d for d, size in enumerate(now.shape) if size == 1]
    order = []
    for dim in zip(before.shape, before.stride(), strict=True):
        if dim[0] != 1:
            found = next((d for d in left if (now.shape[d], now.stride(d)) == dim), None)
            if found is None:
                return None
            left.remove(found)
            order.append(found)
    if left:
        return None
    function: Any = _Rearranged
    return (Step(function, ((*order, *ones), tuple(before.shape)), {}, None),)


def shares_memory(own: Tensor, raw: Tensor) -> bool:
    """Whether ``own`` is a view, and in the memory of ``raw``."""
    own, raw = whole(own), whole(raw)
    try:
        return own._is_view() and (own.untyped_storage()._cdata == raw.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # a layout without a storage
        return False


def may_overlap(t: Tensor, others: Sequence[Tensor]) -> bool:
    """Whether ``t`` and one of ``others`` may have an element in the same place."""
    if not others:
        return False
    try:
        places = [_places(each) for each in (t, *others)]
    except (NotImplementedError, RuntimeError):  # a layout without a storage
        return False
    storage, start, end = places[0]
    return any(storage == s and start < e and b < end for s, b, e in places[1:])


def _places(tensor: Tensor) -> tuple[int, int, int]:
    """The storage, and where in it the first element begins and the last one ends, in bytes."""
    tensor = whole(tensor)
    start, size = int(tensor.storage_offset()), tensor.element_size()
    end = start + int(span(tensor.shape, tensor.stride()))
    return tensor.untyped_storage()._cdata, start * size, end * size


def span(shape: Sequence[int], strides: Sequence[int]) -> int:
    """How many places in memory a tensor reaches over, from its first element to its last."""
    if 0 in shape:
        return 0
    return 1 + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))

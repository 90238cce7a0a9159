"""Older forms of calls: what torch reads from arguments, and an op's forward does not take."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch._ops import OpOverload

from plugrad.core.resolver import resolver
from plugrad.errors import ArgumentError

if TYPE_CHECKING:
    from plugrad.core.function import Function


def as_torch_reads_it(
    function: type[Function], error: ArgumentError, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """A call that forward does not take, as torch's function or method does: ``x.add(alpha, y)``.

    torch's own reading of the arguments has older forms. What it computes then comes back here,
    by the primitives. Raises ``error`` where torch does not take the call either.
    """
    declaration, fall_back = function.declaration, resolver().fall_back
    if declaration is None or fall_back is None or not function.is_builtin():
        raise error
    if error.__class__ is ArgumentError:  # not of out=
        named = [f for f in declaration.overrides if not isinstance(f, OpOverload)][:1]
        methods = [getattr(Tensor, n, None) for n in declaration.methods[:1]]
        for theirs in filter(None, (*named, *methods)):
            with suppress(TypeError):
                return fall_back(theirs, *args, **kwargs)
    raise error

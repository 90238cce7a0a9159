"""Composite: an op written in other ops, whose backward follows from theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.core.function import Function
from plugrad.core.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Mapping


class Composite(Function):
    """An op with only ``forward(x, ...)``, without ``ctx``, in methods and torch functions.

    Forward gets its arguments as they are, Variables or tensors, and the ops it calls
    record themselves.
    """

    @classmethod
    def _compile(cls, op_name: str, aliases: Mapping[str, str]) -> None:
        signature = cls.signature = Signature(cls.forward, op_name, 0, aliases)
        forward = cls.forward

        def apply(*args: Any, **kwargs: Any) -> Any:
            args, options = signature.bind(args, kwargs)
            return forward(*args, **options)

        cls.apply = staticmethod(apply)

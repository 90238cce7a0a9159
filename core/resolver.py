"""Resolver: where Variable looks up what it does not define itself.

The core knows no op. The registry does: it installs itself here, and from then on
Variable's missing attributes and torch's own functions are looked up there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from plugrad.errors import UnknownOpError, UnknownTorchFunctionError

if TYPE_CHECKING:
    from collections.abc import Callable


class Resolver(Protocol):
    """Finds an op by a torch callable or by the name of an attribute of Variable."""

    def torch_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The op that stands for ``function``; UnknownTorchFunctionError if there is none."""

    def attribute(self, variable: object, name: str) -> Any:
        """What ``variable.name`` is; UnknownOpError if no op provides it."""

    @property
    def fall_back(self) -> Callable[..., Any] | None:
        """Calls a torch callable, its first argument, with Variables among the others."""


class _NoOps:
    """The resolver before any op is registered."""

    fall_back = None

    def torch_function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        raise UnknownTorchFunctionError(
            f"no op is registered, so there is none for {function!r}", fix="import plugrad"
        )

    def attribute(self, variable: object, name: str) -> Any:
        raise UnknownOpError(f"no op is registered: none is named {name!r}", fix="import plugrad")


_installed: list[Resolver] = [_NoOps()]


def resolver() -> Resolver:
    """The resolver in use."""
    return _installed[-1]


def install(new: Resolver) -> None:
    """Use ``new`` from now on."""
    _installed[:] = [new]

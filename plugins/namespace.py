"""Namespace: the ops of a registry as functions by their dotted names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plugrad.plugins.registry import Registry


class Namespace:
    """``ops.sin(x)``, ``ops.linalg.norm(x)``: attributes are ops or parts of their names."""

    def __init__(self, registry: Registry, prefix: str = "") -> None:
        self._registry = registry
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a protocol's probe; no op has such a name
            raise AttributeError(name)
        full = self._prefix + name
        if full in self._registry:
            return self._registry[full].apply
        if any(entry.name.startswith(full + ".") for entry in self._registry):
            return Namespace(self._registry, full + ".")
        return self._registry[full].apply  # raises, with a suggestion

    def __dir__(self) -> list[str]:
        names = [e.name for e in self._registry if e.name.startswith(self._prefix)]
        return sorted({name[len(self._prefix) :].split(".")[0] for name in names})

    def __repr__(self) -> str:
        return f"<ops {self._prefix}* of {self._registry!r}>"

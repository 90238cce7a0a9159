"""Namespace: the ops of a registry as functions by their dotted names."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.plugins.registry import Registry


class Namespace:
    """``ops.sin(x)``, ``ops.linalg.norm(x)``: attributes are ops or parts of their names.

    Args:
        registry: where the ops are.
        prefix: of the ops' names: ``linalg.``, or ``special::`` for those of a pack.
        first: their first argument: ``x.special.airy_ai()`` is
            ``ops.special.airy_ai(x)``.
    """

    def __init__(self, registry: Registry, prefix: str = "", *first: Any) -> None:
        self._registry = registry
        self._prefix = prefix
        self._first = first

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # a protocol's probe; no op has such a name
            raise AttributeError(name)
        found = self._found(name)
        packs = self._registry.packs
        if found is None and packs is not None:
            packs.load_once()
            found = self._found(name)  # an op of a pack by now, or a pack itself
        return self._call(self._registry[self._prefix + name]) if found is None else found

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call what has the namespace's own name: the op ``softclip`` of a pack ``softclip``.

        On a Variable, also the op of another pack that has it for a method.
        """
        name = self._prefix.rstrip(".:")
        owner = self._registry.owner(name) if self._first else None
        entry = owner or self._registry[name]
        return entry.apply(*self._first, *args, **options)

    def _found(self, name: str) -> Any:
        full = self._prefix + name
        registry = self._registry
        if not self._prefix and name in registry.pack_names:
            return Namespace(registry, name + "::", *self._first)
        entry = registry.find(full)
        if entry is not None:
            return self._call(entry)
        if any(known.startswith(full + ".") for known in self._names()):
            return Namespace(registry, full + ".", *self._first)
        return None

    def _call(self, entry: RegisteredOp) -> Any:
        return partial(entry.apply, *self._first) if self._first else entry.apply

    def _names(self) -> list[str]:
        """The names of all ops as this namespace's prefix spells them."""
        if "::" in self._prefix:
            return [entry.qualified_name for entry in self._registry]
        return [entry.plain_name for entry in self._registry]

    def __dir__(self) -> list[str]:
        names = [name for name in self._names() if name.startswith(self._prefix)]
        parts = {name[len(self._prefix) :].split(".")[0] for name in names}
        return sorted(parts | (set() if self._prefix else self._registry.pack_names))

    def __repr__(self) -> str:
        return f"<ops {self._prefix}* of {self._registry!r}>"

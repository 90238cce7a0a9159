"""Namespace: ops by dotted names, ``ops.linalg.norm(x)``, and a pack's, ``x.special.airy_ai()``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.overrides

if TYPE_CHECKING:
    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.plugins.registry import Registry


class Namespace:
    """``ops.sin(x)``, ``ops.linalg.norm(x)``: attributes are ops or parts of their names.

    Other names of torch's for a function reach its op too: ``ops.absolute``, ``ops.special.expit``.

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
        if found is None:
            found = self._by_torchs_name(name)
        return self._call(self._registry[self._prefix + name]) if found is None else found

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the op with the namespace's name: the op ``softclip`` of a pack ``softclip``.

        On a Variable, also an op of another pack with a method of that name.
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

    def _by_torchs_name(self, name: str) -> Any:
        """What stands for a function under another of its names: ``absolute``, ``linalg.inv``."""
        full = (self._prefix + name).replace("::", ".")
        found: Any = torch
        for part in full.split("."):
            found = getattr(found, part, None)
        if full in ("fft", "linalg", "special"):  # torch's modules
            return Namespace(self._registry, full + ".", *self._first)
        registry = self._registry
        if registry.stands_for(found) is None and not (
            registry.fall_back and found in torch.overrides.get_testing_overrides()
        ):
            return None
        call = registry.torch_function(found)
        return partial(call, *self._first) if self._first else call

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


def pack_attribute(registry: Registry, pack: str) -> property:
    """``x.special``: the ops of the pack of this name, for the Variable."""

    def ops_of_pack(variable: Any) -> Namespace:
        return Namespace(registry, pack + "::", variable)

    return property(ops_of_pack, doc=f"The ops of the pack {pack}.")

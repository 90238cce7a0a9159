"""RESERVED: the names on Variable that no op may take: its own."""

from __future__ import annotations

from plugrad.core.variable import Variable

# Taken before any op is attached. ``object``'s names are free: ``__eq__`` comes from an op.
RESERVED = frozenset(name for kind in Variable.__mro__[:-1] for name in vars(kind))

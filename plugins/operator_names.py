"""The methods behind Python's operators."""

from __future__ import annotations

_ARITHMETIC = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or"
_UNARY = "abs ceil floor getitem index invert neg pos round trunc"

#: x + y is x.__add__(y), and when x does not know how, y.__radd__(x): operands swapped.
REFLECTED = frozenset(f"__r{name}__" for name in _ARITHMETIC.split())
BINARY = frozenset(f"__{name}__" for name in (_ARITHMETIC + " eq ne lt le gt ge").split())

#: The special methods that an op may be: those that compute something, and no other, for
#: Python and the engine call the rest (``__setattr__``, ``__del__``) at all times.
OPERATORS = BINARY | REFLECTED | frozenset(f"__{name}__" for name in _UNARY.split())

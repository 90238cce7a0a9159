"""The methods behind Python's binary operators."""

from __future__ import annotations

_ARITHMETIC = "add sub mul matmul truediv floordiv mod divmod pow lshift rshift and xor or"

#: x + y is x.__add__(y), and when x does not know how, y.__radd__(x): operands swapped.
REFLECTED = frozenset(f"__r{name}__" for name in _ARITHMETIC.split())
BINARY = frozenset(f"__{name}__" for name in (_ARITHMETIC + " eq ne lt le gt ge").split())

"""Literals: a value as Python text that makes an equal one, with torch, inf and nan in scope."""

from __future__ import annotations

import math
import random

import torch
from torch import Tensor


class NoLiteralError(Exception):
    """There is no text for a value of this type."""


def literal(value):
    """Text whose evaluation gives ``value``."""
    if isinstance(value, Tensor):
        return tensor_literal(value)
    if isinstance(value, torch.Size):
        return f"torch.Size({list(value)})"
    if isinstance(value, tuple) and type(value) is tuple:
        return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, torch.device):
        return f"torch.device({str(value)!r})"
    if isinstance(value, complex):
        return f"complex({value.real!r}, {value.imag!r})"
    known = bool | int | float | str | slice | range | torch.dtype | torch.memory_format
    if value is None or value is Ellipsis or isinstance(value, known):
        return repr(value)
    raise NoLiteralError(type(value).__name__)


def tensor_literal(tensor):
    """The same for a strided tensor; its memory layout is not kept."""
    dtype = f", dtype={tensor.dtype}"
    if tensor.numel() == 0:
        return f"torch.empty({tuple(tensor.shape)}{dtype})"
    return f"torch.tensor({_nested(tensor.tolist())}{dtype})"


def _nested(value):
    return f"[{', '.join(map(_nested, value))}]" if isinstance(value, list) else literal(value)


#: What leaves are filled with, from harmless to extreme.
KINDS = ("plain", "positive", "ties", "special")

_SPECIAL = (0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 5e-324, -1e-310, 1e-160, 1e200)


def numbers(kind, shape, dtype, seed):
    """A tensor of this kind of numbers, the same for the same seed."""
    draw = random.Random(f"{kind}{seed}")
    count = math.prod(shape)
    if dtype is torch.bool:
        values = [draw.random() < 0.5 for _ in range(count)]
    elif not (dtype.is_floating_point or dtype.is_complex):
        values = [draw.randrange(3) for _ in range(count)]
    elif dtype.is_complex:
        values = [complex(_number(draw, kind), _number(draw, kind)) for _ in range(count)]
    else:
        values = [_number(draw, kind) for _ in range(count)]
    return torch.tensor(values, dtype=dtype).reshape(shape)


def _number(draw, kind):
    if kind == "ties":
        return float(draw.choice((-1, 0, 1, 1)))
    if kind == "special" and draw.random() < 0.4:
        return draw.choice(_SPECIAL)
    size = round(draw.uniform(0.3, 2.0), 2)
    return size if kind == "positive" or draw.random() < 0.5 else -size

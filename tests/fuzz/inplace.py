"""inplace: the instructions that change a value, as far as both engines have them."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

import plugrad as pg
from plugrad.tests.fuzz.calls import binary_names, dimension, has, index_text, operand, unary_names
from plugrad.tests.fuzz.forms import is_inplace
from plugrad.tests.fuzz.literals import literal, numbers


def actions():
    """The actions that change a value, as far as both engines have them."""
    found = ()
    if is_inplace("add_"):
        found += (inplace_method,) * 4
    if hasattr(pg.Variable, "__iadd__"):
        found += (inplace_operator,) * 2
    if hasattr(pg.Variable, "__setitem__"):
        found += (setitem,) * 3
    if is_inplace("detach_"):
        found += (detach_inplace,)
    return found


def _changed(b):
    """The value to change: mostly one that may be."""
    if b.choose.chance(92):
        x = b.some(lambda v: not (v.is_leaf and v.requires_grad))
        if x is not None:
            return x
    return b.some()


def _fill_text(b, name, value):
    """The arguments of an in-place method that is not an op's twin."""
    if name in {"fill_", "masked_fill_"}:
        mask = f"{literal(numbers('plain', tuple(value.shape), torch.bool, b.choose.seed()))}, "
        return (mask if name == "masked_fill_" else "") + operand(b, ())
    if name in {"transpose_", "swapaxes_", "swapdims_"}:
        return f"{dimension(b, value)}, {dimension(b, value)}"
    if name in {"unsqueeze_", "squeeze_", "cumsum_", "cumprod_"}:
        return str(dimension(b, value))
    if name == "clamp_":
        return b.choose.of(("min=0", "max=1", "-1, 1"))
    if name == "copy_":
        return operand(b, value.shape, 0)
    return None


@cache
def _inplace_names():
    names = [n for n in dir(Tensor) if is_inplace(n) and not n.startswith("_")]
    unaries = tuple(n for n in names if n[:-1] in unary_names())
    binaries = tuple(n for n in names if n[:-1] in binary_names())
    others = has(
        *("zero_", "fill_", "masked_fill_", "transpose_", "t_", "unsqueeze_", "squeeze_"),
        *("cumsum_", "cumprod_", "clamp_", "copy_", "swapaxes_"),
    )
    return unaries, binaries, others


def inplace_method(b):
    x = _changed(b)
    value = b.value(x)
    names = b.choose.of([group for group in _inplace_names() if group])
    name = b.choose.of(names)
    if name[:-1] in binary_names():
        given = operand(b, value.shape)
    else:
        given = _fill_text(b, name, value) or ""
    change(b, f"{x}.{name}({given})")


def change(b, line):
    """Add a line that changes a value, now and then under no_grad or with a name for the result."""
    mode = b.choose.mode() or ("no_grad" if b.choose.chance(10) else "")
    line = f"{b.fresh()} = {line}" if b.choose.chance(15) and "=" not in line else line
    b.add(b._in_mode(mode, line))


def inplace_operator(b):
    x = _changed(b)
    symbol = b.choose.of(("+", "-", "*", "/", "**"))
    change(b, f"{x} {symbol}= {operand(b, b.value(x).shape)}")


def setitem(b):
    x = _changed(b)
    value = b.value(x)
    index = index_text(b, value)
    try:
        part = b.session.value(f"{x}[{index}]")
    except (IndexError, TypeError, RuntimeError):
        part = value
    change(b, f"{x}[{index}] = {operand(b, part.shape)}")


def detach_inplace(b):
    b.add(f"{b.some()}.detach_()")

"""calls: the instructions that call an op with arguments made for the values there are.

Each is a function of the program's builder that adds a line or a few. Methods are looked up on both
engines when this module is loaded, so what an engine does not have yet is not tried.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

import plugrad as pg
from plugrad.tests.fuzz.literals import literal, numbers


def has(*names):
    """Those of the names that are methods of both engines."""
    return tuple(n for n in names if hasattr(Tensor, n) and hasattr(pg.Variable, n))


def is_free(value):
    """Whether a value is real or complex, and so can have a gradient."""
    return value.is_floating_point() or value.is_complex()


@cache
def unary_names():
    """The methods of one operand that work on each element."""
    found = []
    for op in pg.registry:
        required = op.function.signature.fits(1)
        if op.declaration.elementwise and required and op.declaration.differentiable:
            found += [n for n in op.methods if not n.startswith("__") and hasattr(Tensor, n)]
    return tuple(sorted(found))


@cache
def binary_names():
    """The methods of two operands that broadcast."""
    found = []
    for op in pg.registry:
        required = op.function.signature.fits(2) and not op.function.signature.fits(1)
        if op.declaration.broadcasts and required:
            found += [n for n in op.methods if not n.startswith("__") and hasattr(Tensor, n)]
    return tuple(sorted(found))


OPERATORS = ("+", "-", "*", "/", "**")
NUMBERS = ("2", "0.5", "-1.5", "0", "3", "1.0")


def unary(b):
    x = b.some()
    b.assign(f"{x}.{b.choose.of(unary_names())}()")


def operand(b, shape, choose_number=35):
    """The text of a second operand that fits a shape: a number, a value, a new leaf."""
    if b.choose.chance(choose_number):
        return b.choose.of(NUMBERS)
    name = b.some(lambda v: fits(v.shape, shape))
    if name is None or b.choose.chance(15):
        return b.leaf(shape=() if b.choose.chance(30) else tuple(shape))
    return name


def fits(shape, other):
    """Whether two shapes broadcast."""
    return all(
        m == n or 1 in {m, n} for m, n in zip(reversed(shape), reversed(other), strict=False)
    )


def binary(b):
    x = b.some()
    y = operand(b, b.value(x).shape)
    if b.choose.chance(60):
        left, right = (x, y) if b.choose.chance(70) else (y, x)
        b.assign(f"{left} {b.choose.of(OPERATORS)} {right}")
    else:
        b.assign(f"{x}.{b.choose.of(binary_names())}({y})", drop_type_error=True)


_WHOLE = has("sum", "mean", "prod", "amax", "amin", "max", "min", "logsumexp", "var", "std", "norm")
_ALONG = has("sum", "mean", "amax", "amin", "max", "min", "prod", "logsumexp", "var", "std")
_SCANS = has("cumsum", "cumprod", "softmax", "log_softmax", "cummax", "logcumsumexp", "sort")


def dimension(b, value, more=0):
    """A dimension's number, now and then one that does not exist."""
    count = max(value.dim() + more, 1)
    return b.choose.index(2 * count + b.choose.chance(3)) - count


def reduction(b):
    x = b.some()
    value = b.value(x)
    kind = b.choose.index(3)
    if kind == 0:
        name = b.choose.of(_WHOLE)
        b.assign(f"{x}.{name}({'0' if name == 'logsumexp' else ''})")
    elif kind == 1:
        keep = ", keepdim=True" if b.choose.chance(40) else ""
        b.assign(f"{x}.{b.choose.of(_ALONG)}({dimension(b, value)}{keep})")
    else:
        b.assign(f"{x}.{b.choose.of(_SCANS)}({dimension(b, value)})")


# --- shapes and views ----------------------------------------------------------------


def shape(b):
    """One value's elements in another shape or order."""
    x = b.some()
    value = b.value(x)
    text = b.choose.of(_SHAPERS)(b, value)
    if text is not None:
        b.assign(f"{x}.{text}")


def _dim_call(name):
    return lambda b, v: f"{name}({dimension(b, v)})"


def _two_dims(name):
    return lambda b, v: f"{name}({dimension(b, v)}, {dimension(b, v)})"


def _sized(name):
    def text(b, value):
        sizes = [list(value.shape), [-1] if value.numel() else [0], [value.numel(), 1]]
        sizes += [list(reversed(value.shape)), [1, *value.shape]]
        return f"{name}({', '.join(map(str, b.choose.of(sizes))) or '()'})"

    return text


def _expand(b, value):
    sizes = [3 if n == 1 and b.choose.chance(70) else b.choose.of((n, n, -1)) for n in value.shape]
    sizes = [2, *sizes] if b.choose.chance(50) else sizes
    return f"expand({', '.join(map(str, sizes)) or '()'})"


def _permute(b, value):
    order, left = [], list(range(value.dim()))
    while left:
        order.append(left.pop(b.choose.index(len(left))))
    return f"permute({', '.join(map(str, order)) or '()'})"


def _narrow(b, value):
    dim = dimension(b, value)
    size = value.shape[dim] if -value.dim() <= dim < value.dim() else 1
    start = b.choose.index(size + 1)
    return f"narrow({dim}, {start}, {b.choose.index(size - start + 1)})"


def _select(b, value):
    dim = dimension(b, value)
    size = value.shape[dim] if -value.dim() <= dim < value.dim() else 1
    return f"select({dim}, {b.choose.index(2 * size or 1) - size})"


_BY_NAME = {
    "transpose": _two_dims("transpose"),
    "swapaxes": _two_dims("swapaxes"),
    "movedim": _two_dims("movedim"),
    "permute": _permute,
    "unsqueeze": lambda b, v: f"unsqueeze({dimension(b, v, more=1)})",
    "squeeze": lambda b, v: b.choose.of(("squeeze()", f"squeeze({dimension(b, v)})")),
    "view": _sized("view"),
    "reshape": _sized("reshape"),
    "expand": _expand,
    "flatten": lambda b, v: "flatten()",
    "unfold": lambda b, v: f"unfold({dimension(b, v)}, 2, 1)",
    "diagonal": lambda b, v: f"diagonal({b.choose.index(3) - 1})",
    "flip": _dim_call("flip"),
    "roll": lambda b, v: f"roll(1, {dimension(b, v)})",
    "narrow": _narrow,
    "select": _select,
    "t": lambda b, v: "t()",
    "conj": lambda b, v: "conj()",
    "contiguous": lambda b, v: "contiguous()",
    "clone": lambda b, v: "clone()",
    "positive": lambda b, v: "positive()",
    "resolve_conj": lambda b, v: "resolve_conj()",
    "real": lambda b, v: "real",
    "imag": lambda b, v: "imag",
    "mT": lambda b, v: "mT",
    "T": lambda b, v: "T",
    "to": lambda b, v: f"to({b.choose.of(_TO)})",
    "double": lambda b, v: "double()",
}
_TO = ("torch.float64", "torch.complex128", "torch.float32", "torch.int64", "torch.bfloat16")
_SHAPERS = tuple(_BY_NAME[name] for name in has(*_BY_NAME))


def several(b):
    """A call that gives several views."""
    x = b.some(lambda v: v.dim() > 0)
    if x is None:
        return
    dim = dimension(b, b.value(x))
    calls = {"unbind": f"unbind({dim})", "chunk": f"chunk(2, {dim})", "split": f"split(2, {dim})"}
    b.assign(f"{x}.{calls[b.choose.of(has(*calls))]}")


def index_text(b, value):
    """The text of an index that mostly fits a value."""
    parts, left = [], list(value.shape)
    while left and (not parts or b.choose.chance(45)):
        size = left.pop(0)
        kind = b.choose.index(8)
        if kind < 2:
            parts.append(str(b.choose.index(2 * size or 1) - size))
        elif kind < 4:
            parts.append(b.choose.of((":", "1:", ":2", "::2", "-2:")))
        elif kind == 4:
            parts.append("None")
        elif kind == 5:
            parts.append("..." if "..." not in parts else ":")
        elif kind == 6:
            places = [b.choose.index(size) for _ in range(3)] if size else []
            parts.append(f"torch.tensor({places}, dtype=torch.int64)")
        else:
            parts.append(literal(numbers("plain", (size,), torch.bool, b.choose.seed())))
    return ", ".join(parts) or b.choose.of(("...", "None", "()"))


def getitem(b):
    x = b.some()
    b.assign(f"{x}[{index_text(b, b.value(x))}]")


def linear(b):
    """A product of matrices or vectors."""
    x = b.some(lambda v: v.dim() in {1, 2} and is_free(v))
    if x is None:
        return
    value = b.value(x)
    inner = value.shape[-1]
    y = b.some(
        lambda v: v.dim() in {1, 2} and v.dtype is value.dtype and v.shape[-2:][0] == inner
    ) or b.leaf(shape=b.choose.of(((inner,), (inner, 2))), dtype=value.dtype)
    b.assign(b.choose.of((f"{x} @ {y}", f"torch.matmul({x}, {y})", f"torch.outer({x}, {y})")))


def joined(b):
    """cat, stack or where of two values."""
    x = b.some()
    value = b.value(x)
    y = b.some(lambda v: v.shape == value.shape) or x
    kind = b.choose.index(3)
    if kind == 2 and not value.is_complex():
        b.assign(f"torch.where({x} > {b.choose.of(('0', '1', y))}, {x}, {y})")
    else:
        b.assign(f"torch.{('cat', 'stack', 'cat')[kind]}([{x}, {y}], {dimension(b, value)})")

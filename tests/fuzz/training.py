"""training: random programs that train a model, and what differs on plugrad.

``steps`` draws the programs. After each line all that can be seen of parameters, gradients, buffers
and the optimizer's state is compared. Both engines raise at the same line, or neither does; there
the program ends. It also ends where the loss is large: rounding is then, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

import plugrad as pg
from plugrad.errors import PlugradError
from plugrad.tests.fuzz.session import Session, unchanged_world
from plugrad.tests.fuzz.steps import program

_HEADER = """\
import copy, torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torch.autograd import backward, grad
from torch.utils.checkpoint import checkpoint
from torch.optim import lr_scheduler, swa_utils
from plugrad.tests.fuzz import trained
from plugrad.tests.fuzz.trained import *
log = []
note = lambda *values: log.append([trained.noted(v) for v in values])
draws = lambda *shape: torch.randn(*shape, dtype=dtype)
"""
TORCH = (
    _HEADER
    + """\
convert = lambda model: model
leaf = lambda tensor: tensor.requires_grad_()
func = torch.func
"""
)
PLUGRAD = (
    _HEADER
    + """\
import plugrad
from plugrad.interop import convert
from plugrad.tests.notes.engines import BACKWARD_ASKS
if not BACKWARD_ASKS: from plugrad import backward
leaf = lambda tensor: plugrad.Variable(tensor, requires_grad=True)
func = plugrad.func
"""
)
#: What torch says where it refuses, and plugrad computes: patterns, with the reasons.
ALLOWED = (
    (r"derivative for .* is not implemented", "torch has no second derivative of it"),
    (r"output 0 of (Elu|LeakyRelu)", "twice in place: ours keeps what another change spares"),
    (r"doesn't have storage", "torch.func's tensors have none, and some kernels read it"),
)
#: The names whose values are compared besides models.
_SEEN = ("loss", "out", "x", "first", "values", "norm", "kept", "seen", "log")
_MODELS = ("model", "average", "copied", "twin")
_LARGE = 1e5


def difference(seed: int) -> str:
    """What differs between torch and plugrad for a seed; empty for nothing."""
    lines = program(seed)
    with unchanged_world():
        theirs, ours = Session(TORCH, Tensor), Session(PLUGRAD, pg.Variable)
        try:
            for number, line in enumerate(lines):
                found, ended = _line(theirs, ours, line, number)
                if found:
                    return f"seed {seed}: at {line!r}: {found}\n{PLUGRAD}" + "\n".join(lines)
                if ended:
                    break
        finally:
            theirs.close()
            ours.close()
    return ""


def _line(theirs: Session, ours: Session, line: str, number: int) -> tuple[str, bool]:
    """What differs after a line, and whether the program ends with it."""
    errors = []
    for session in (theirs, ours):
        torch.manual_seed(number)
        errors.append(session.run(line))
    if errors != [None, None]:
        return _refusals(*errors), True
    loss = theirs.names.get("loss")
    if loss is not None and not float(loss.detach()) < _LARGE:
        return "", True
    return _values(theirs, ours), False


def _refusals(expected: Exception | None, got: Exception | None) -> str:
    """Both refuse: plugrad with an error of its own, or with torch's."""
    said, says = (re.sub(r" at 0x\w+", "", str(error)) for error in (expected, got))
    if expected is not None and got is not None:
        same = isinstance(got, PlugradError) or (type(got), says) == (type(expected), said)
    else:
        same = got is None and any(re.search(pattern, said) for pattern, _ in ALLOWED)
    return "" if same else f"torch {expected!r}, plugrad {got!r}"


def _values(theirs: Session, ours: Session) -> str:
    a, b = dict(_state(theirs)), dict(_state(ours))
    if a.keys() != b.keys():
        return f"{sorted(a.keys() ^ b.keys())} are there for one alone"
    low = theirs.names["dtype"] is torch.float32 or ".half()" in theirs.text
    scale = (64 if "scaler" in theirs.names else 1) * low
    for name, value in a.items():
        if low and name.startswith("log"):  # of sums of gradients that cancel little is left
            continue
        said = _differs(value, b[name], scale, name.startswith("values"))
        if said:
            return f"{name}: {said}"
    return ""


def _state(session: Session) -> Iterator[tuple[str, Any]]:
    """All that is compared, with its place."""
    names = session.names
    for name in _SEEN:
        yield from _flat(name, names.get(name))
    for name in _MODELS:
        module = names.get(name, nn.Module()) if "label" in names else nn.Module()
        for path, value in module.named_parameters(remove_duplicate=False):
            yield f"{name}.{path}", value
            yield f"{name}.{path}.grad", value.grad
        yield from _flat(name, dict(module.named_buffers()))
    for name in {"opt", "scaler", "plan"} & names.keys():
        state = names[name].state_dict()
        yield from _flat(name, {k: v for k, v in state.items() if not k.startswith("_")})


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(f"{path}[{key}]", each)
    elif isinstance(value, list | tuple):
        for i, each in enumerate(value):
            yield from _flat(f"{path}[{i}]", each)
    elif not callable(value):
        yield path, value
        if isinstance(value, Tensor) and value.is_leaf:
            yield f"{path}.grad", value.grad


def _differs(x: Any, y: Any, scale: int, values_only: bool) -> str:
    if isinstance(x, float) and isinstance(y, float):
        x, y = (torch.tensor(v, dtype=torch.float64) for v in (x, y))
    if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
        same = type(x) is type(y) and (x == y or isinstance(x, Tensor))
        return "" if same else f"torch {x!r}, plugrad {y!r}"
    for fact in ("dtype", "shape", "layout") + ("requires_grad", "is_leaf") * (not values_only):
        if getattr(x, fact) != getattr(y, fact):
            return f"{fact}: torch {getattr(x, fact)}, plugrad {getattr(y, fact)}"
    if isinstance(x, nn.Parameter) != isinstance(y, nn.Parameter):
        return f"one is a Parameter: torch's {type(x)}, plugrad's {type(y)}"
    if type(y) is not pg.Variable and not isinstance(y, pg.Variable) and y.requires_grad:
        return f"a {type(y)} requires grad"
    x, y = x.detach(), (y.data if isinstance(y, pg.Variable) else y).detach()
    return "" if _close(x, y, scale) else f"torch {x.tolist()}, plugrad {y.tolist()}"


def _close(x: Tensor, y: Tensor, scale: int) -> bool:
    """Whether the values are the same but for rounding, which is relative to the largest one.

    ``scale`` is that of the loss in low precision, and 0 in float64.
    """
    if not x.numel():
        return True
    x, y = (t.to_dense() if t.layout is not torch.strided else t for t in (x, y))
    x, y = (torch.view_as_real(t) if t.is_complex() else t.double() for t in (x, y))
    if not (torch.equal(x.isnan(), y.isnan()) and torch.equal(x.isinf(), y.isinf())):
        return False
    x, y = (t.nan_to_num(0, 0, 0) for t in (x, y))
    relative, absolute = (0.25, 0.05 * scale) if scale else (1e-6, 1e-7)
    return float((x - y).abs().max()) <= relative * float(x.abs().max()) + absolute

"""functions: random programs that call user-written Functions, and what differs on plugrad.

A program gives a Function values that may share memory: a tensor twice, a view and its base, a
detached alias. It makes views, changes values in place before and after, partly in ``no_grad``, and
ends with the first and the second derivatives of a sum over all values. It is made by running it on
torch, and ends at a line that raises there.

Left out, since torch's gradient is wrong: a Function's change of a view that is not its first
argument. Left out, since torch can end the process: hooks on views. Left out, since torch and
plugrad choose another base for an output in shared memory: a call in ``no_grad`` of a Function that
returns inputs or views of them, or changes one after the first; and a ``_base`` without a name.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

import torch
from torch import Tensor

import plugrad as pg
from plugrad.errors import (
    InplaceError,
    PlugradError,
    SavedIntermediateError,
    SavedTensorChangedError,
)
from plugrad.tests.fuzz.program import PLUGRAD_HEADER, TORCH_HEADER, Program
from plugrad.tests.fuzz.session import Session, is_usable, raw, unchanged_world
from plugrad.tests.fuzz.written import VIEWS, function

_PLUS = "plus = lambda a, b: b if a is None else a if b is None else a + b\n"
TORCH = f"{TORCH_HEADER}from torch.autograd import Function\n{_PLUS}"
PLUGRAD = f"{PLUGRAD_HEADER}from plugrad import Function\n{_PLUS}"
#: With Functions of torch's class, which plugrad adopts when they meet a Variable.
ADOPTED = f"{PLUGRAD_HEADER}from torch.autograd import Function\n{_PLUS}"

_UNARY = ("{0}.sin()", "({0} * 0.3).exp()", "-{0}", "{0} * {0}", "{0}.clone()", "{0} * 3")
_BINARY = (
    "{0} * {1}",
    "{0} + {1}",
    "{0} / ({1} * {1} + 1)",
    "torch.where({0} > {1}, {0}, {1} * 2)",
)
_PARTS = (*VIEWS, "{0}[0]", "{0}.unbind(0)", "{0}.chunk(2, -1)", "{0}[1:]", "{0}.expand(2, 2, 2)")
_CHANGES = (
    *("{0}.mul_(2)", "{0}.mul_({1}.sin())", "{0}.add_({1}, alpha=2)", "{0}.copy_({1}.sin())"),
    *("{0}[..., 0] = {1}.sum()", "{0}.fill_(0.5)", "{0}.sin_()", "{0}.zero_()"),
)
#: What is passed beside a value: the same again, what shares its memory, or another of its shape.
_ALIASES = (*["{0}"] * 4, "{0}.view({0}.shape)", "{0}.detach()", "{0}._base", "{1}", "{1}")

_STEPS = ("unary", "binary", "view", "view", "change", "no_grad", *["call"] * 4)
_NO_GRAD = "with torch.no_grad():\n    "


class _Builder:
    """A program while it is made."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)
        self.session = Session(TORCH, Tensor)
        self.lines: list[str] = []
        self.pool: list[str] = []
        self.count = 0
        self.keeps = False
        self.ended = False

    def add(self, line: str) -> None:
        """Run a line on torch and keep it; the program ends where it raises."""
        self.lines.append(line)
        self.ended = self.session.run(line) is not None

    def assign(self, expression: str, head: str = "") -> None:
        """Give what an expression returns names; ``head`` is a line to indent it under."""
        line = f"{head}{{0}} = {expression}"
        before = len(self.session.lines)
        error = self.session.run(line.format("v_"))
        if error is not None:
            self.lines.append(line.format("v_"))
            self.ended = True
            return
        del self.session.lines[before:]
        value = self.session.names.pop("v_")
        values = value if isinstance(value, tuple | list) else [value]
        names = [f"v{self.count + i}" for i in range(len(values))]
        self.count += len(values)
        self.session.names.update(zip(names, values, strict=True))
        comma = "," if isinstance(value, tuple | list) else ""
        self.lines.append(line.format(", ".join(names) + comma))
        self.pool += [n for n, v in zip(names, values, strict=True) if _floats(v)]

    def leaf(self) -> None:
        rows = [[round(0.3 + self.choose.random(), 3) for _ in range(2)] for _ in range(2)]
        free = self.choose.random() < 0.9
        self.assign(f"leaf(torch.tensor({rows}, dtype=torch.float64), requires_grad={free})")

    def value(self, name: str) -> Tensor:
        return self.session.names[name]

    def pick(self, like: str | None = None) -> str:
        """A name from the pool; one of the shape of ``like``."""
        return self.choose.choice(self.pool if like is None else self.pool_like(like))

    def pool_like(self, name: str) -> list[str]:
        """The names of the values that have the shape of this one."""
        return [n for n in self.pool if self.value(n).shape == self.value(name).shape]

    def step(self) -> None:
        """Add a line, or a Function and its call."""
        kind = self.choose.choice(_STEPS)
        v = self.pick()
        w = self.pick(v)
        if kind == "unary":
            self.assign(self.choose.choice(_UNARY).format(v))
        elif kind == "binary":
            self.assign(self.choose.choice(_BINARY).format(v, w))
        elif kind == "change":
            self._change(v, w)
        elif kind == "no_grad":
            self._no_grad(v, w)
        elif self.value(v).dim() == 0:  # views and Functions are of rows
            self.assign(f"{v} * {w}")
        elif kind == "view":
            part = self.choose.choice(_PARTS)
            fits = "expand" not in part or self.value(v).shape in {(2,), (2, 2)}
            self.assign((part if fits else "{0}[...]").format(v))
        else:
            self.call(v)

    def _change(self, v: str, w: str, head: str = "") -> None:
        scalar = self.value(v).dim() == 0
        change = self.choose.choice([c for c in _CHANGES if not (scalar and "[" in c)])
        self.add(head + change.format(v, w))

    def _no_grad(self, v: str, w: str) -> None:
        if self.choose.random() < 0.3:
            self._change(v, w, _NO_GRAD)
        else:
            self.assign(self.choose.choice((f"{v} * 2", f"{v}.clone()", f"{v}[...]")), _NO_GRAD)

    def call(self, v: str) -> None:
        """Write a Function and call it with values that may share memory."""
        written = function(self.choose, f"F{len(self.lines)}")
        self.keeps |= written.keeps
        self.add(written.text)
        alone = not (written.shares or written.later)  # see the module's docstring
        head = _NO_GRAD if self.choose.random() < 0.1 and alone else ""
        arguments = [v]
        while len(arguments) < written.inputs:
            base, w = self.value(v)._base, self.pick(v)
            alias = self.choose.choice(_ALIASES)
            if len(arguments) in written.later:  # no view: see the module's docstring
                alias = "{1}" if not self.value(w)._is_view() else "{0}.clone()"
            if "_base" in alias and not any(base is self.value(n) for n in self.pool_like(v)):
                alias = "{0}[...]"
            arguments.append(alias.format(v, w))
        self.assign(f"F{len(self.lines) - 1}.apply({', '.join(arguments)})", head)

    def derivatives(self, leaves: list[str]) -> None:
        """End with the first and the second derivatives of a sum over all values."""
        names = ", ".join(n for n in self.pool if is_usable(self.value(n)))
        parts = "(v * (1 + i % 3)).sum() + (v * v).sum() * 0.1"
        self.add(f"total = sum({parts} for i, v in enumerate([{names}]))")
        wrt = [n for n in leaves if self.value(n).requires_grad]
        options = "allow_unused=True, materialize_grads=True"
        if self.ended or not wrt or not self.session.names["total"].requires_grad:
            return
        asked = ", ".join(wrt)
        self.add(f"first = grad(total, [{asked}], create_graph=True, {options})")
        if self.ended:
            return
        self.add("slope = sum((g * g).sum() for g in first)")
        if self.session.names["slope"].requires_grad:
            self.add(f"second = grad(slope, [{asked}], {options})")


def _floats(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and 0 < value.numel() < 40


def program(seed: int) -> tuple[Program, bool]:
    """The program of a seed, and whether only torch's class can be its Functions'."""
    with unchanged_world():
        builder = _Builder(seed)
        builder.leaf()
        builder.leaf()
        leaves, builder.pool = builder.pool, []
        for leaf in leaves:
            builder.assign(f"{leaf} * 1")
        for _ in range(builder.choose.randint(2, 7)):
            if not builder.ended:
                builder.step()
        if not builder.ended:
            builder.derivatives(leaves)
        builder.session.close()
    return Program(tuple(builder.lines), watched=False), builder.keeps


# --- the judge -----------------------------------------------------------------------


@dataclass(frozen=True)
class Allowed:
    """A refusal of plugrad's where torch computes, or the other way round."""

    reason: str
    #: What plugrad raises; None where it computes.
    error: type[PlugradError] | None
    #: A pattern of its words, or of torch's where plugrad computes.
    says: str
    #: Only for Functions that keep tensors as an attribute.
    keeps: bool = False


ALLOWED = (
    Allowed(
        "plugrad has the history before the change for the values after it, and says so",
        SavedIntermediateError,
        "saved an input of shape .* in whose memory it changed another input in place",
    ),
    Allowed(
        "torch does not look at what an attribute holds: it computes with the changed values",
        SavedTensorChangedError,
        "modified by an inplace operation: F[0-9]+ saved",
        keeps=True,
    ),
    Allowed(
        "torch fills an expanded view, but refuses every other change of it; plugrad refuses all",
        InplaceError,
        "more than one element of the written-to tensor .* a call of (fill_|zero_)",
    ),
    Allowed(
        "a recorded change computes its result before it writes: what it reads may overlap",
        None,
        "some elements of the input tensor and the written-to tensor refer to a single memory",
    ),
)
#: What plugrad raises where torch raises too.
REFUSALS = (InplaceError, SavedIntermediateError, SavedTensorChangedError)


def difference(seed: int) -> str:
    """What differs between torch and plugrad for a seed; empty for nothing, or what is allowed."""
    lines, keeps = program(seed)
    for header in (ADOPTED,) if keeps else (PLUGRAD, ADOPTED):
        with unchanged_world():
            found = _compare(lines, header, keeps)
        if found:
            return f"seed {seed}: {found}\n{lines.text(header)}"
    return ""


def _compare(lines: Program, header: str, keeps: bool) -> str:
    theirs, ours = Session(TORCH, Tensor), Session(header, pg.Variable)
    try:
        for line in lines.lines:
            expected, got = theirs.run(line), ours.run(line)
            if expected is not None and got is not None:
                return _refusals(expected, got)
            if expected is not None or got is not None:
                known = [a for a in ALLOWED if keeps or not a.keeps]
                if any(_fits(a, expected, got) for a in known):
                    return ""
                return f"at {line!r}: torch {expected!r}, plugrad {got!r}"
        return _values(theirs, ours)
    finally:
        theirs.close()
        ours.close()


def _fits(allowed: Allowed, expected: Exception | None, got: Exception | None) -> bool:
    kind = got is None if allowed.error is None else type(got) is allowed.error
    said = str(expected if got is None else got)
    return kind and re.search(allowed.says, said, re.DOTALL) is not None


def _refusals(expected: Exception, got: Exception) -> str:
    """Both refuse: plugrad with an error of its own, or with torch's."""
    same = isinstance(got, REFUSALS) or str(got) == str(expected)
    return "" if same else f"torch {expected!r}, plugrad {got!r}"


def _values(theirs: Session, ours: Session) -> str:
    a, b = theirs.live(), ours.live()
    if a.keys() != b.keys():
        return f"the values {sorted(a.keys() ^ b.keys())} are there for one alone"
    pairs = [(n, a[n], b[n]) for n in a]
    for name in ("first", "second"):
        gradients = [s.names.get(name, ()) for s in (theirs, ours)]
        pairs += [(f"{name}[{i}]", *both) for i, both in enumerate(zip(*gradients, strict=True))]
    for name, x, y in pairs:
        # Of the last ones nothing is made: zeros that stand for None require grad in torch 2.6.
        if x.requires_grad != y.requires_grad and not name.startswith("second"):
            return f"{name}.requires_grad: torch {x.requires_grad}, plugrad {y.requires_grad}"
        x, y = raw(x).detach(), raw(y)
        if x.shape != y.shape or not torch.allclose(x, y, 1e-7, 1e-8, equal_nan=True):
            return f"{name}: torch {x.tolist()}, plugrad {y.tolist()}"
    return ""

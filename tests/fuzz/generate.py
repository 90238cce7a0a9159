"""programs: hypothesis's strategy for programs over all registered ops.

A program is made by running it on torch line by line, so that the next line can be chosen for the
shapes and dtypes that there are. Lines that raise are kept: they must raise in both engines.
"""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor

from plugrad.tests.fuzz import calls, graph, inplace
from plugrad.tests.fuzz.forms import forms
from plugrad.tests.fuzz.literals import KINDS, literal, numbers
from plugrad.tests.fuzz.program import Program
from plugrad.tests.fuzz.session import crashes_torch, is_usable, torch_session, unchanged_world

_SHAPES = ((3,), (3, 4), (), (2, 3), (0, 3), (1,), (4, 3), (2, 3, 2), (3, 1), (1, 4))
_DTYPES = (torch.float64,) * 6 + (torch.complex128, torch.float32)
_LARGEST = 200  # elements of a value that goes on


class Builder:
    """A program while it is made."""

    def __init__(self, choose):
        self.choose = choose
        self.session = torch_session()
        self.lines = []
        self.pool = []
        self.count = 0
        self.ops = set()
        self.kind = choose.of(KINDS + ("plain",) * 3)

    # --- lines ---
    def fresh(self, prefix="v"):
        """A name that was not used."""
        self.count += 1
        return f"{prefix}{self.count - 1}"

    def add(self, line):
        """Run a line on torch and keep it; returns whether it ran."""
        if crashes_torch(self.session, line):
            return False
        error = self.session.run(line)
        self.lines.append(line)
        self._drop_unusable()
        return error is None

    def assign(self, expression, drop_type_error=False):
        """Add a line that gives the tensors in an expression's value names; returns these."""
        mode = self.choose.mode()
        evaluated = self._in_mode(mode, f"v_ = {expression}")
        error = self.session.run(evaluated)
        if error is not None:
            if not (drop_type_error and isinstance(error, TypeError)):
                self.lines.append(self._in_mode(mode, f"{self.fresh()} = {expression}"))
            self._drop_unusable()
            return []
        value = self.session.names.pop("v_")
        several = isinstance(value, tuple | list)
        if several and not value:
            return []
        values = list(value) if several else [value]
        if not all(isinstance(v, Tensor | None) for v in values):
            return []
        names = [self.fresh() for _ in values]
        self.session.names.update(zip(names, values, strict=True))
        comma = "," if several and len(names) == 1 else ""
        self.lines.append(self._in_mode(mode, f"{', '.join(names)}{comma} = {expression}"))
        self._take(names)
        self._drop_unusable()
        return names

    def _drop_unusable(self):
        self.pool = [n for n in self.pool if is_usable(self.value(n))]

    def _take(self, names):
        for name in names:
            value = self.session.names[name]
            if isinstance(value, Tensor) and value.numel() <= _LARGEST and value.dim() < 6:
                self.pool.append(name)

    @staticmethod
    def _in_mode(mode, line):
        return f"with torch.{mode}():\n    {line}" if mode else line

    # --- values ---
    def value(self, name):
        """torch's value of a name."""
        return self.session.names[name]

    def leaf(self, shape=None, dtype=None, requires_grad=None, tensor=None):
        """Add a leaf; returns its name."""
        choose = self.choose
        if tensor is None:
            shape = choose.of(_SHAPES) if shape is None else shape
            dtype = dtype or choose.of(_DTYPES)
            tensor = numbers(self.kind, shape, dtype, choose.seed())
        can = tensor.dtype.is_floating_point or tensor.dtype.is_complex
        if requires_grad is None:
            requires_grad = choose.chance(80)
        name = self.fresh()
        flag = ", requires_grad=True" if can and requires_grad else ""
        self.add(f"{name} = leaf({literal(tensor)}{flag})")
        self.pool.append(name)
        return name

    def some(self, accepts=lambda value: True):
        """The name of a value in the pool that is accepted; None if there is none."""
        names = [n for n in self.pool if accepts(self.value(n))]
        return self.choose.recent(names) if names else None

    def like(self, tensor, free=True):
        """A name, or a literal, for a hole of this shape and dtype."""
        if free:
            found = self.choose.chance(60) and self.some(
                lambda v: v.shape == tensor.shape and v.dtype is tensor.dtype
            )
            return found or self.leaf(tensor=tensor)
        named = self.choose.chance(30)
        return self.leaf(tensor=tensor, requires_grad=False) if named else literal(tensor)


class Choose:
    """The few ways in which a program is drawn."""

    def __init__(self, draw):
        self._draw = draw
        self.modes = True

    def index(self, count):
        return self._draw(st.integers(0, count - 1)) if count > 1 else 0

    def of(self, options):
        """One of a sequence."""
        return options[self.index(len(options))]

    def recent(self, options):
        """One of a sequence, more often a late one."""
        back = self.index(min(len(options), 3) + 1)
        return options[-1 - back] if back < min(len(options), 3) else self.of(options)

    def chance(self, percent):
        return self._draw(st.integers(0, 99)) >= 100 - percent

    def seed(self):
        return self._draw(st.integers(0, 999))

    def mode(self):
        return self.of(("no_grad", "enable_grad")) if self.modes and self.chance(6) else ""


def sample_call(b):
    """Any form of any op, from one of its samples."""
    ops = sorted(forms())
    op = b.choose.of(ops)
    ways = b.choose.of(forms()[op])
    form = b.choose.of(ways)
    holes = list(zip(form.tensors, form.differentiable, strict=True))
    names = [b.like(t, free) for t, free in holes]
    if holes and names[0] not in b.pool:  # else a tensor's own method would be called
        names[0] = b.leaf(tensor=form.tensors[0])
    if b.assign(form.text.format(*names), drop_type_error=True):
        b.ops.add(op)


ACTIONS = (
    (sample_call,) * 5
    + (calls.unary, calls.binary, calls.binary, calls.reduction, calls.shape, calls.shape)
    + (calls.getitem, calls.getitem, calls.linear, calls.joined, calls.several)
    + (lambda b: b.leaf(),)
    + (graph.detach, graph.gradient, graph.backward, graph.grad_of, graph.flag)
    + (graph.alias, graph.forget)
    + inplace.actions()
    + graph.hook_actions()
)


@st.composite
def programs(draw):
    """A program of a few dozen lines at most, that ends in derivatives."""
    choose = Choose(draw)
    with unchanged_world():
        b = Builder(choose)
        try:
            b.leaf(requires_grad=True)
            for _ in range(draw(st.integers(3, 16))):
                if not b.pool:
                    b.leaf(requires_grad=True)
                choose.of(ACTIONS)(b)
            choose.modes = False
            graph.ending(b)
        finally:
            b.session.close()
    return Program(tuple(b.lines), frozenset(b.ops), watched=choose.chance(50))

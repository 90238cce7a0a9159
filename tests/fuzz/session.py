"""Session: a program's lines run on one engine, and what can be seen of its values after each."""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

import plugrad as pg
from plugrad.tests.fuzz.program import PLUGRAD_HEADER, TORCH_HEADER


@dataclass
class Facts:
    """What is compared of one live value, besides its numbers."""

    requires_grad: bool
    is_leaf: bool
    retains_grad: bool
    output_nr: int


class Session:
    """The state of one engine while a program runs."""

    def __init__(self, header, kind):
        self.kind = kind
        self.lines = []
        #: Which of the lines raised, by number.
        self.raised = set()
        self.versions = {}
        self.names = {}
        exec(compile(header, "<header>", "exec"), self.names)
        self.log = self.names["log"]

    def run(self, line):
        """Run a line; returns what it raised."""
        self.lines.append(line)
        try:
            exec(compile(line, "<program>", "exec"), self.names)
        except Exception as error:
            self.raised.add(len(self.lines) - 1)
            return error.with_traceback(None)
        return None

    def value(self, expression):
        """The value of an expression."""
        return eval(expression, self.names)

    @property
    def text(self):
        """All lines that were run."""
        return "\n".join(self.lines)

    def live(self):
        """The tensors that have a name."""
        return {n: v for n, v in self.names.items() if isinstance(v, self.kind) and n[0] == "v"}

    def changes(self, name):
        """How often the value was changed in place since it was first asked for; None unknown."""
        if not _VERSIONS:
            return None
        value = self.names[name]
        first = self.versions.setdefault(name, (value, value._version))
        if first[0] is not value:  # another one of this name
            first = self.versions[name] = value, value._version
        return value._version - first[1]

    def close(self):
        """Break the cycles that torch makes where a graph of gradients hangs on .grad."""
        for value in self.live().values():
            with suppress(Exception):
                value.grad = None
        self.names.clear()


def torch_session():
    """A session on torch's tensors."""
    return Session(TORCH_HEADER, Tensor)


def plugrad_session():
    """A session on Variables."""
    return Session(PLUGRAD_HEADER, pg.Variable)


class unchanged_world:
    """In the block warnings are silent; torch's random numbers and modes are put back after it."""

    def __enter__(self):
        self._random = torch.random.fork_rng(devices=[])
        self._warnings = warnings.catch_warnings()
        self._modes = torch.enable_grad()
        self._random.__enter__()
        self._warnings.__enter__()
        self._modes.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *exception):
        self._modes.__exit__(*exception)
        self._warnings.__exit__(*exception)
        self._random.__exit__(*exception)


def crashes_torch(session, line):
    """Whether torch 2.13 ends the process: at a hook on a view of a leaf, made without a graph."""
    match = re.search(r"(v\d+)\.register_", line)
    return match is not None and is_view_without_graph(session.names.get(match[1]))


def is_view_without_graph(value):
    """Whether torch would say that it requires grad because its base does."""
    usable = isinstance(value, Tensor) and is_usable(value)
    return usable and value._is_view() and value.grad_fn is None


def is_usable(value):
    """False for a view that was changed in a way it cannot be: asking what made it raises."""
    try:
        return value.grad_fn is None or True
    except RuntimeError:
        return False


_VERSIONS = hasattr(pg.Variable, "_version")
_VIEWS = hasattr(pg.Variable, "_base")


def facts(value):
    """The facts of a tensor or a Variable."""
    return Facts(
        value.requires_grad,
        value.is_leaf,
        value.retains_grad and not value.is_leaf,
        value.output_nr,
    )


def base_name(value, live):
    """The name of the value that this is a view of; empty for none, None for a nameless one."""
    base = value._base if _VIEWS else None
    return "" if base is None else next((n for n, v in live.items() if v is base), None)


def raw(value):
    """The bare tensor of a tensor, a Variable or None."""
    return value.data if isinstance(value, pg.Variable | Tensor) else value


def kept_grad(value):
    """The gradient that a value has or could have had; None for others."""
    return raw(value.grad) if value.is_leaf or value.retains_grad else None

"""Program: straight-line Python text that runs on torch's tensors and on plugrad's Variables.

A line is one statement. ``leaf``, ``grad``, ``backward`` and ``log`` are all that it may name
besides torch, inf, nan and the variables of earlier lines (v0, v1, ... and handles h0, ...).
The header gives them their meaning, so that a program is its own reproduction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

_HEADER = """\
import torch
from math import inf, nan
log = []
"""
TORCH_HEADER = (
    _HEADER
    + """\
from torch.autograd import backward, grad
leaf = lambda tensor, requires_grad=False: tensor.requires_grad_(requires_grad)
"""
)
PLUGRAD_HEADER = (
    _HEADER
    + """\
from plugrad import Variable as leaf, backward, grad
"""
)
_NAME = re.compile(r"\b[vhx]\d+\b")
_TARGETS = re.compile(r"^\s*((?:[vhx]\d+, )*[vhx]\d+),? = ", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """The lines of a program, without a header."""

    lines: tuple[str, ...]
    #: The ops that were called through one of their samples.
    ops: frozenset[str] = field(default=frozenset(), compare=False)
    #: Whether each value is looked at after each line, or only at the end: to look at grad_fn
    #: may make it.
    watched: bool = True

    def text(self, header):
        """What can be pasted into a file and run."""
        return header + "\n".join(self.lines) + "\n"

    def __repr__(self):
        body = "\n".join(self.lines)
        return f"\n# torch:\n{TORCH_HEADER}\n# or plugrad:\n{PLUGRAD_HEADER}\n{body}\n"

    def without(self, dropped):
        """The program without these lines and without all that needs their values."""
        lost, kept = set(), []
        for index, line in enumerate(self.lines):
            if index in dropped or lost & set(_NAME.findall(line)) - set(targets(line)):
                lost |= set(targets(line))
                continue
            lost -= set(targets(line))
            kept.append(line)
        return replace(self, lines=tuple(kept))


def targets(line):
    """The names that a line assigns."""
    match = _TARGETS.search(line)
    return match.group(1).split(", ") if match else []

"""shrunk: a program cut down to the lines that its difference needs."""

from __future__ import annotations

import re
from dataclasses import replace

from plugrad.tests.fuzz.compare import compare


def shrunk(program, still=None):
    """The smallest program found, by dropping lines, for which ``still`` holds.

    By default: for which an unexplained difference of the same sort remains.
    """
    if still is None:
        first = compare(program).difference
        what = first.what if first is not None else ""

        def still(candidate):
            verdict = compare(candidate)
            return verdict.unexplained and verdict.difference.what == what

        if first is not None:
            program = _kept(
                program, replace(program, lines=program.lines[: first.index + 1]), still
            )
    size = max(len(program.lines) // 2, 1)
    while size:
        start = len(program.lines) - size
        while start > -size:
            program = _kept(
                program, program.without(set(range(max(start, 0), start + size))), still
            )
            start = min(start - size, len(program.lines) - size)
        size //= 2
    return _shorter_lines(program, still)


def _shorter_lines(program, still):
    """Drop what lines name without need: inputs of a backward, and blocks that only set a mode."""
    for index, line in enumerate(program.lines):
        for shorter in _shorter(line):
            lines = (*program.lines[:index], shorter, *program.lines[index + 1 :])
            candidate = replace(program, lines=lines)
            if still(candidate):
                return _shorter_lines(candidate, still)
    return program


def _shorter(line):
    if line.startswith("with "):
        yield line.partition("\n")[2].strip()
    inputs = re.search(r"inputs=\[([^\]]*)\]", line)
    names = inputs[1].split(", ") if inputs else []
    if len(names) > 1:
        for name in names:
            rest = ", ".join(n for n in names if n != name)
            yield line.replace(inputs[0], f"inputs=[{rest}]")


def _kept(program, candidate, still):
    smaller = len(candidate.lines) < len(program.lines)
    return candidate if smaller and candidate.lines and still(candidate) else program

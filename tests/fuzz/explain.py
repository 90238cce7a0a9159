"""Explain: the rules for differences that are on purpose, and what they ask about a session.

A rule sees one difference and both sessions as they are when it is found. Behind an
explained difference the engines' states have parted, so the program ends there.
"""

from __future__ import annotations

import re

from torch import Tensor

from plugrad.tests.fuzz.program import targets

RULES = []
#: A line, or what it ends in, that changes the value it captures the name of.
CHANGE = r"(?:v\d+ = )?(v\d+)(?:\.\w+_\(|\[.*\] = | [-+*/]+= )"


def explanation(difference, theirs, ours):
    """The reason of the first rule that explains ``difference``; empty if none does."""
    for reason, applies in RULES:
        if applies(difference, theirs, ours):
            return reason
    return ""


def asked_for(session, name):
    """The value whose gradient ``name`` is, if a call of grad made it, or as v3.grad; or None."""
    if name.endswith(".grad"):
        return session.names.get(name.removesuffix(".grad"))
    line = line_of(session, name)
    match = re.search(r"grad\(\[[^\]]*\], \[([^\]]*)\]", line)
    inputs = match[1].split(", ") if match else [""]
    return session.names.get(dict(zip(targets(line), inputs, strict=False)).get(name))


def line_of(session, name):
    """The line that made a value; empty if none did."""
    return next((line for line in reversed(session.lines) if name in targets(line)), "")


def is_gradient(session, name):
    """Whether a value is a gradient: what a call of grad returned, or what is kept in .grad."""
    return name.endswith(".grad") or "grad(" in line_of(session, name)


def hooked(session):
    """The values that have a hook, by name."""
    return set(re.findall(r"(v\d+)(?:\.grad_fn)?\.register_", session.text))


def is_second_order(session, difference):
    """Whether the line that made what differs differentiates what a recorded backward computed."""
    name = (*difference.torch, *difference.plugrad)[0] if difference.what == "names" else ""
    last = line_of(session, difference.name or name) or difference.line
    anywhere = difference.name.endswith(".grad")  # it may have got there by any line until now
    results = set()
    for line in session.lines[: 1 + session.lines.index(last)]:
        roots = re.search(r"(?:grad|backward)\(\[([^\]]*)\]|(v\d+)\.backward", line)
        used = re.findall(r"v\d+", roots[0]) if roots else []
        if (anywhere or line is last) and not results.isdisjoint(used):
            return True
        made = "create_graph=True" in line or results & set(re.findall(r"v\d+", line))
        results.update(targets(line) if made else ())
        results.update(re.findall(r"(v\d+) = v\d+\.grad", line))
    return False


def rule(reason):
    """Register a rule with its reason."""

    def register(function):
        RULES.append((reason, function))
        return function

    return register


def storage(value):
    """The memory of a tensor, by its address; None for anything else."""
    return value.untyped_storage().data_ptr() if isinstance(value, Tensor) else None

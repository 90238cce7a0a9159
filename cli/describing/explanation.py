"""explanation: the page of a law or a fault, as lines of text."""

from __future__ import annotations

import inspect
import json
import textwrap
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from plugrad.cli.checking.console import folded, room
from plugrad.testing.law import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.testing.faults.fault import Fault
    from plugrad.testing.law import Law

#: The wrong op of each law, and the text about it; tests/controls/law_pages.py writes it.
WRONG_OPS = "wrong_ops.json"
#: The widest that its text gets.
WIDTH = 96
#: What a law judges, by its engines.
JUDGED = {
    ("plugrad",): "plugrad's ops",
    ("torch",): "what runs on torch's engine: Functions, custom ops, any callable",
    ENGINES: "plugrad's ops, and torch's Functions, custom ops and callables",
}


def law_lines(law: Law) -> Iterator[str]:
    """A law's page: what it says, why, whose ops it judges, and a wrong op that it catches."""
    yield folded(f"{law.id}, a law: {law.why}")
    yield from _paragraphs(_more(law.check))
    yield ""
    waive = f'@op(..., waives={{"{law.id}": "why"}})'
    if not law.whole_op:
        waive += f', or Sample(...).waive("{law.id}", "why")'
    pack = f"the ops of the pack {law.pack}" if law.pack else JUDGED.get(law.engines, "")
    rows = {
        "family": law.family,
        "judges": pack or " and ".join(law.engines),
        "runs": "once on the op" if law.whole_op else "on each sample",
        "alone": f"plugrad check OP --law {law.id}",
        "waived by": waive,
        "source": _place(law.check),
    }
    yield from (folded(f"{title:<11}{text}", hang=11) for title, text in rows.items() if text)
    wrong = _wrong_ops().get(law.id)
    if wrong is not None:
        yield from _wrong_lines(wrong)


def fault_lines(fault: Fault) -> Iterator[str]:
    """A fault's page: what it does to a rule, and what sample shows it."""
    yield folded(f"{fault.id}, a fault: {fault.what}")
    yield from _paragraphs(_more(fault.inject))
    yield ""
    rows = {
        "changes": _CHANGED.get(fault.order, f"derivative {fault.order}"),
        "caught by": ", ".join(fault.likely),
        "advice": fault.advice.replace("{}", "..."),
        "alone": f"plugrad strength OP --fault {fault.id}",
        "harmless": f'if it changes nothing: @op(..., equivalent={{"{fault.id}": "why"}})',
        "source": _place(fault.inject),
    }
    yield from (folded(f"{title:<11}{text}", hang=11) for title, text in rows.items() if text)


_CHANGED = {
    0: "what the rule does besides the gradient",
    1: "the gradient",
    2: "the derivative of the gradient alone",
}


def _wrong_lines(wrong: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield from _wrapped(f"A wrong op that it catches: {wrong['summary']}")
    yield ""
    yield textwrap.indent(wrong["source"], "    ")
    yield ""
    yield "It says:"
    yield ""
    yield folded(textwrap.indent(wrong["message"], "    "), hang=6)
    if wrong["also"]:
        yield ""
        yield "Other laws catch it too:"
        yield ""
        also = (f"    {name}: {reason}" for name, reason in wrong["also"].items())
        yield from (folded(line, hang=6) for line in also)


def _more(function: Any) -> str:
    """The docstring after its first paragraph."""
    return inspect.cleandoc(function.__doc__ or "").partition("\n\n")[2].strip()


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in filter(None, text.split("\n\n")):
        yield ""
        yield from _wrapped(paragraph.replace("``", "`"))


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, min(WIDTH, room() or WIDTH), break_long_words=False)


def _place(function: Any) -> str:
    try:
        return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1]}"
    except (OSError, TypeError):  # as in a notebook
        return ""


@cache
def _wrong_ops() -> dict[str, dict[str, Any]]:
    file = resources.files("plugrad.cli.describing").joinpath(WRONG_OPS)
    found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return found

"""Printed: each command that a page, a help text or a message of this repository shows."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import dataclass

import typer

from plugrad.cli.app import app
from plugrad.tests import checkout

#: Pages of what was true once.
_HISTORY = ("CHANGELOG.md", "changelog.d/")
_BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_PROGRAMS = "plugrad|pytest|python|pip|bash|git|mkdocs|mypy|ruff|pre-commit|towncrier"
_COMMAND = re.compile(rf"(?:{_PROGRAMS})(?: |$)")
#: A line of output that is a command, or ends in one.
_IN_OUTPUT = re.compile(
    r"(?:^|: )(plugrad (?:check|explain|strength|show|doctor|stubs|packs|ops) .+|pytest .+)$"
)
_SOURCES = ("cli", "core", "func", "functional", "interop", "plugins", "testing")


@dataclass(frozen=True)
class Printed:
    """A command as it is typed, without its comment, and where it is shown.

    ``kind`` is ``block``, ``inline``, ``output`` or ``help``; of output, ``block`` is the number of
    the block among those of its page.
    """

    text: str
    where: str
    kind: str
    block: int = -1


def pages():
    """The pages of the repository, relative to its root."""
    names = [path.as_posix() for path in checkout.files() if path.suffix == ".md"]
    return [name for name in names if not name.startswith(_HISTORY)]


def on_page(page):
    """The commands that a page shows."""
    text = (checkout.ROOT / page).read_text(encoding="utf-8")
    for number, match in enumerate(_BLOCK.finditer(text)):
        if match[1] in ("bash", "sh"):
            yield from (Printed(c, page, "block", number) for c in typed(match[2]))
        elif match[1] == "text":
            found = [_IN_OUTPUT.search(line.strip()) for line in match[2].splitlines()]
            yield from (Printed(f[1], page, "output", number) for f in found if f)
    for match in _INLINE.finditer(_BLOCK.sub("", text)):
        words = " ".join(match[1].split())
        if _COMMAND.match(words):
            yield Printed(words, page, "inline")


def typed(lines):
    """The commands of some lines as a shell reads them: one may have several lines."""
    unfinished = ""
    for line in lines.splitlines():
        unfinished = f"{unfinished}\n{line}" if unfinished else line
        try:
            shlex.split(re.sub("<[^<>]*>", "PLACE", unfinished), comments=True)
        except ValueError:  # a quotation is still open
            continue
        command = (
            re.split(r"\s+# ", unfinished)[0].strip() if "\n" not in unfinished else unfinished
        )
        if command and not command.startswith("#"):
            yield command
        unfinished = ""
    assert not unfinished, f"a quotation is not closed:\n{unfinished}"


def in_help():
    """The examples in the help of each command: lines after a backspace, up to two spaces."""
    yield from _in_help(typer.main.get_command(app), "plugrad")


def _in_help(command, name):
    for paragraph in re.split(r"\n\s*\n", command.help or ""):
        if paragraph.startswith("\b"):
            for line in paragraph.splitlines():
                if line.startswith("plugrad "):
                    yield Printed(re.split(r"  +", line.strip())[0], f"{name} --help", "help")
    for child, below in getattr(command, "commands", {}).items():
        yield from _in_help(below, f"{name} {child}")


def in_messages():
    """Each text of the code that is not a docstring, with ``{}`` for what is filled in."""
    for path in checkout.package_files():
        if path.suffix == ".py" and (path.parts[0] in _SOURCES or len(path.parts) == 1):
            tree = ast.parse((checkout.ROOT / path).read_text(encoding="utf-8"))
            docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for text in _texts(tree, docs):
                yield text, path.as_posix()


def _texts(node, docs):
    if id(node) in docs and isinstance(node, ast.Constant):
        return
    if isinstance(node, ast.JoinedStr):
        yield "".join(p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _texts(child, docs)

"""parts: what is known to be wrong with a command before it is run, word by word."""

from __future__ import annotations

import re
import shlex
from functools import cache
from importlib.util import find_spec

import typer
from packaging.requirements import Requirement

import plugrad as pg
from plugrad.cli.app import app
from plugrad.testing import FAULTS, LAWS
from plugrad.tests import checkout

#: Programs whose arguments are not looked at.
OTHERS = frozenset(
    [
        ".",
        "cd",
        "echo",
        "export",
        "git",
        "lint-imports",
        "ln",
        "mkdir",
        "mkdocs",
        "mypy",
        "pre-commit",
        "ruff",
        "sed",
        "towncrier",
    ]
)
#: What an index has, and we name.
OTHERS_PACKAGES = frozenset({"build", "pre-commit", "tomli", "torch", "towncrier", "twine"})
#: Packs with commands of their own, and the file of each where these are.
PACK_COMMANDS = {
    "special": "packs/plugrad-special/src/plugrad_special/plugin.py",
    "softclip": "docs/tutorials/first-pack.md",
}
_OPERATORS = frozenset({"&&", "||", ";", "|", "(", ")"})
_REDIRECTIONS = frozenset({">", ">>", "<"})
#: Words that stand for what the reader has: OP, VERSION, {}, module:Name, yourpackage, ...
_PLACEHOLDER = re.compile(
    r"[A-Z_/|]+|.*\{\}.*|<.*>|\.\.\.|module:Name|pack::op|.*VERSION.*|.*[:/\\]+.*|.*\.py"
)


def wrong_parts(command, made=()):
    """What is wrong with a command, a line each.

    Args:
        command: as it is typed.
        made: names of files, packs and ops that are made before it is typed.
    """
    return [line for words in simple_commands(command) for line in _wrong(words, set(made))]


def simple_commands(command):
    """The words of each program that a line runs, without redirections and variables."""
    command = re.sub(r"<[^<>]*>|\[=\w+\]", "PLACE", command)  # <the address>, an option's [=PKG]
    tokens = shlex.shlex(command, posix=True, punctuation_chars=";()<>|&")
    tokens.whitespace_split = True
    words, skip = [], False
    for token in tokens:
        if token in _OPERATORS:
            if words:
                yield words
            words = []
        elif token in _REDIRECTIONS:
            skip = True
        elif skip:
            skip = False
        elif words or not re.match(r"[A-Z_]+=", token):
            words.append(token)
    if words:
        yield words


def _wrong(words, made):
    program, rest = words[0].rpartition("/")[2], words[1:]
    if program == "python" and rest[:1] == ["-m"] and rest[1:2] in (["plugrad"], ["pytest"]):
        program, rest = rest[1], rest[2:]
    if program in OTHERS:
        return
    check = {"plugrad": _plugrad, "pytest": _pytest, "python": _python, "pip": _pip, "bash": _bash}
    if program not in check:
        yield f"{program} is not a program that this test knows"
        return
    yield from check[program](rest, made)


@cache
def _commands():
    return typer.main.get_command(app).commands


def _plugrad(words, made):
    if not words or words[0] in ("...", "{}") or words[0] in ("--help", "--version"):
        return
    name, rest = words[0], words[1:]
    if name in PACK_COMMANDS:
        page = (checkout.ROOT / PACK_COMMANDS[name]).read_text(encoding="utf-8")
        if name == "special" and rest and rest[0] not in page:
            yield f"the pack {name} has no command {rest[0]}"
        return
    if name not in _commands():
        yield f"plugrad has no command {name!r}"
        return
    options = {o: p for p in _commands()[name].params for o in (*p.opts, *p.secondary_opts)}
    given = iter(rest)
    for word in given:
        option, _, value = word.partition("=")
        if option == "--help" or word == "{}":
            continue
        if word.startswith("-") and word != "-":
            if option not in options:
                yield f"plugrad {name} has no option {option}"
            elif not options[option].is_flag and "=" not in word:
                value = next(given, "OP")  # "--law" alone names the option
            yield from _wrong_value(option, value)
        elif name in ("check", "strength", "show") and not _known_op(word, made):
            yield f"there is no op {word}"
        elif name == "explain" and not (_is_placeholder(word) or word in LAWS or word in FAULTS):
            yield f"there is no law or fault {word}"


def _wrong_value(option, value):
    if option == "--law" and not _is_placeholder(value) and value not in LAWS:
        yield f"there is no law {value}"
    fault = value.partition("[")[0]
    if option == "--fault" and not _is_placeholder(fault) and fault not in FAULTS:
        yield f"there is no fault {fault}"


def _is_placeholder(word):
    return bool(_PLACEHOLDER.fullmatch(word))


def _known_op(word, made):
    if word.startswith("torch.") or _is_placeholder(word) or word in made:
        return True
    return word in pg.registry


@cache
def _pytest_options():
    files = ("testing/pytest_plugin.py", "testing/pytest_recording.py")
    text = "".join((checkout.ROOT / file).read_text(encoding="utf-8") for file in files)
    return set(re.findall(r'"(--plugrad[\w-]*)"', text))


def _pytest(words, made):
    own = {"-m", "-n", "-n0", "-k", "-q", "-x", "--collect-only"}
    given = iter(words)
    for word in given:
        option = word.partition("=")[0].removesuffix("PLACE")
        if word in ("-m", "-n", "-k") or option == "--plugrad-op":
            next(given, "")
        elif word == "--plugrad-law":
            yield from _wrong_value("--law", next(given, "LAW"))
        elif word.startswith("-"):
            if option not in own | _pytest_options():
                yield f"pytest has no option {option}"
        elif "/" in word and not (checkout.ROOT / word).exists() and not _is_placeholder(word):
            yield f"there is no {word}"
    return


def _python(words, made):
    if not words or words[0] in ("-c", "-P") or (words[0] == "-m" and words[1:] in ([], ["..."])):
        return
    if words[0] == "-m":
        module = words[1]
        if module not in {"build", "pip", "venv"} and not is_module(module):
            yield f"there is no module {module}"
    elif words[0] not in made and not (checkout.ROOT / words[0]).is_file():
        yield f"there is no file {words[0]}"


def is_module(name):
    """Whether a module of this name can be imported."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the package that it would be in
        return False


def _bash(words, made):
    if not (checkout.ROOT / words[0]).is_file():
        yield f"there is no file {words[0]}"


def _pip(words, made):
    if words[:1] == ["uninstall"]:
        return
    if words[:1] != ["install"]:
        yield f"pip {' '.join(words)} is not an installation"
        return
    given = iter(words[1:])
    for word in given:
        if word == "-c" and not (checkout.ROOT / next(given)).is_file():
            yield "there is no such file of constraints"
        elif word == "-e":
            yield from _wrong_project(next(given, "."), made)
        elif not word.startswith("-") and word != "constraints.txt":
            yield from _wrong_package(word, made)


def _wrong_project(place, made):
    folder, _, extras = place.partition("[")
    file = checkout.ROOT / folder / "pyproject.toml"
    if not file.is_file():
        yield f"{folder} is not a project"
        return
    project = checkout.tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    for extra in extras.rstrip("]").split(",") if extras else ():
        if extra not in project["optional-dependencies"]:
            yield f"{folder} has no extra {extra}"


def _wrong_package(word, made):
    if _is_placeholder(word.partition("[")[0]) or word in made:
        return
    requirement = Requirement(word.replace("{}", ""))
    if requirement.name == "plugrad":
        extras = requirement.extras - {""}
        for extra in extras - checkout.PYPROJECT["project"]["optional-dependencies"].keys():
            yield f"plugrad has no extra {extra}"
    elif (checkout.ROOT / "packs" / requirement.name).is_dir():
        return
    elif requirement.name not in OTHERS_PACKAGES:
        yield f"{requirement.name} is not a package that this test knows"

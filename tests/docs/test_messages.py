"""What messages of the code tell people to type, and to call, is there."""

from __future__ import annotations

import ast
import re

import pytest

pytest.importorskip("typer")
pytest.importorskip("packaging")

from packaging.requirements import Requirement

import plugrad as pg
from plugrad.tests import checkout
from plugrad.tests.docs.commands.parts import OTHERS_PACKAGES, is_module, wrong_parts
from plugrad.tests.docs.commands.printed import in_messages

MESSAGES = list(in_messages())
COMMAND = re.compile(r"(?<![\w./])plugrad (?P<word>[a-z][a-z-]*)(?P<options>(?: -{1,2}[a-z-]+)*)")
#: Words after "plugrad" that are not commands, since it is the subject of a sentence.
PROSE = frozenset({"alone", "does", "has", "import", "is", "itself", "needs", "or", "until"})
#: What has a dot and is not a name: a group of entry points, a plural.
NO_NAMES = frozenset({"api", "Functions"})
#: The distribution that a module is from, where it has another name.
DISTRIBUTION = {"sklearn": "scikit-learn"}


def test_there_are_messages_of_each_kind():
    for words in ("plugrad check", "plugrad doctor", "pip install", "pytest --plugrad-op"):
        assert any(words in text for text, _ in MESSAGES), words


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("plugrad chekc sin", "plugrad has no command 'chekc'"),
        ("plugrad check --lwa oracle", "plugrad check has no option --lwa"),
        ("plugrad check sin --law oracel", "there is no law oracel"),
        ("plugrad strength sin --fault sing", "there is no fault sing"),
        ("plugrad show sni", "there is no op sni"),
        ("plugrad explain oracel", "there is no law or fault oracel"),
        ("pip install 'plugrad[dmeo]'", "plugrad has no extra dmeo"),
        ("pip install -e '.[clii]'", ". has no extra clii"),
        ("pip install -e packs/plugrad-speical", "packs/plugrad-speical is not a project"),
        ("pip install left-pad", "left-pad is not a package that this test knows"),
        ("pytest --plugrad-lwa oracle", "pytest has no option --plugrad-lwa"),
        ("python -m plugrad.tests.fuz.run", "there is no module plugrad.tests.fuz.run"),
        ("python examples/none.py", "there is no file examples/none.py"),
        ("plguard check", "plguard is not a program that this test knows"),
        ("true && plugrad dcotor", "plugrad has no command 'dcotor'"),
    ],
)
def test_a_wrong_word_is_noticed(wrong, problem):
    assert problem in list(wrong_parts(wrong))


def test_commands_and_their_options_are_there():
    lost = []
    for text, where in MESSAGES:
        for match in COMMAND.finditer(text):
            if match["word"] not in PROSE:
                options = "".join(f" {o} OP" for o in match["options"].split())
                lost += [
                    f"{where}: {problem}"
                    for problem in wrong_parts(f"plugrad {match['word']}{options}")
                ]
    assert not lost


def test_options_of_pytest_are_there():
    for text, where in MESSAGES:
        for option in re.findall(r"pytest (--plugrad[\w-]*)", text):
            assert not list(wrong_parts(f"pytest {option}")), where


def test_what_pip_shall_install_is_known():
    lost = []
    for text, where in MESSAGES:
        for word in re.findall(r"pip install (?:--upgrade )?'?(?!-)([\w{}.\[\]-]+)", text):
            name = word.partition("[")[0].rstrip(".").replace("{}", "")
            if name not in {"", "plugrad", *OTHERS_PACKAGES}:
                lost.append(f"{where}: {word}")
    assert not lost


def calls_of_require():
    """The extra and the modules of each call of ``extras.require`` in the command line."""
    for path in checkout.package_files():
        if path.parts[0] == "cli" and path.suffix == ".py":
            for node in ast.walk(ast.parse((checkout.ROOT / path).read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require":
                    said = {k.arg: ast.literal_eval(k.value) for k in node.keywords}
                    modules = [ast.literal_eval(a) for a in node.args[1:]]
                    yield path.as_posix(), said.get("extra", "demo"), modules


def brought_by(extra):
    """The distributions that an extra of plugrad installs."""
    found = set()
    for text in checkout.PYPROJECT["project"]["optional-dependencies"][extra]:
        requirement = Requirement(text)
        found.add(requirement.name)
        if requirement.name == "plugrad":
            found |= {name for other in requirement.extras for name in brought_by(other)}
    return found


def test_the_extra_that_a_command_asks_for_brings_what_it_needs():
    calls = list(calls_of_require())
    assert len(calls) > 3
    for where, extra, modules in calls:
        wanted = {DISTRIBUTION.get(name, name) for name in modules}
        assert wanted <= brought_by(extra), where


def exists(name):
    value = pg
    for part in name.split("."):
        value = getattr(value, part, None)
    return value is not None or is_module(f"plugrad.{name}")


def test_names_of_plugrad_that_a_message_tells_to_use_are_there():
    lost = set()
    for text, where in MESSAGES:
        for name in re.findall(r"(?<![\w./`'-])(?:plugrad|pg)\.([A-Za-z_.]+[A-Za-z_])", text):
            if name not in NO_NAMES and not exists(name):
                lost.add(f"{where}: {name}")
    assert not lost

"""``plugrad new-pack``: what it writes works as it is, and it writes all or nothing."""

from __future__ import annotations

import ast
import os
import re
import time
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

pytest.importorskip("typer")
pytest.importorskip("jinja2")
from jinja2 import UndefinedError
from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.cli.scaffold.op_module import OpModule
from plugrad.cli.scaffold.rendered import rendered
from plugrad.plugins.pack import Pack
from plugrad.tests import checkout
from plugrad.tests.cli.author_environment import AuthorEnvironment
from plugrad.tests.python_process import python

FILES = """
.github/workflows/ci.yml
.gitignore
LICENSE
README.md
pyproject.toml
src/plugrad_{pack}/__init__.py
src/plugrad_{pack}/__init__.pyi
src/plugrad_{pack}/ops/__init__.py
src/plugrad_{pack}/ops/{op}.py
src/plugrad_{pack}/plugin.py
src/plugrad_{pack}/py.typed
tests/test_{pack}.py
"""
LONG = "x" * 40


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Let the test be in an empty folder, where git knows an author."""
    monkeypatch.delenv("PLUGRAD_PACKS", raising=False)
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Ada Lovelace\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def new_pack(*arguments):
    return CliRunner().invoke(app, ["new-pack", *map(str, arguments)])


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


# --- what is written -----------------------------------------------------------------


def test_a_pack_of_twelve_files(here):
    done = new_pack("softclip")
    assert done.exit_code == 0, done.output
    assert names_in(here) == ["plugrad-softclip"]
    assert files_in(here / "plugrad-softclip") == set(
        FILES.format(pack="softclip", op="softclip").split()
    )
    code = (here / "plugrad-softclip/src/plugrad_softclip/ops/softclip.py").read_text()
    assert '@op(\n    "softclip::softclip",\n' in code
    assert "class Softclip(Function):\n" in code


def test_it_says_what_to_type_next():
    assert new_pack("soft-clip", "--op", "squash").stdout == (
        "plugrad-soft-clip: the pack soft_clip with the op soft_clip::squash, 12 files\n"
        "\n"
        "next:\n"
        "  cd plugrad-soft-clip\n"
        "  pip install -e '.[dev]'\n"
        "  plugrad check soft_clip::\n"
        "  plugrad strength soft_clip::\n"
        "  pytest\n"
        "\n"
        "then write your own op in src/plugrad_soft_clip/ops/squash.py, and run these again\n"
        "another op: plugrad new-op NAME\n"
    )


@pytest.mark.parametrize(
    "name", ["soft_clip", "soft-clip", "plugrad-soft-clip", "plugrad_soft_clip"]
)
def test_the_three_names_follow_from_one(here, name):
    assert new_pack(name).exit_code == 0
    assert names_in(here) == ["plugrad-soft-clip"]
    project = (here / "plugrad-soft-clip/pyproject.toml").read_text()
    assert 'name = "plugrad-soft-clip"\n' in project
    assert '[project.entry-points.plugrad]\nsoft_clip = "plugrad_soft_clip.plugin"\n' in project
    assert '[project.entry-points."plugrad.api"]\nsoft_clip = "v2"\n' in project
    assert (here / "plugrad-soft-clip/src/plugrad_soft_clip/plugin.py").is_file()


def test_it_goes_where_it_is_told(here):
    (here / "a folder").mkdir()
    done = new_pack("softclip", "--into", "a folder")
    assert done.exit_code == 0
    assert (here / "a folder/plugrad-softclip/LICENSE").is_file()
    assert "\n  cd 'a folder/plugrad-softclip'\n" in done.stdout


def test_the_folder_has_the_mode_that_folders_get(here):
    (here / "other").mkdir()
    new_pack("softclip")
    assert (here / "plugrad-softclip").stat().st_mode == (here / "other").stat().st_mode


def test_the_test_is_one_line(here):
    new_pack("softclip")
    tree = ast.parse((here / "plugrad-softclip/tests/test_softclip.py").read_text())
    docstring, imported, test = tree.body
    assert isinstance(docstring, ast.Expr)
    assert ast.unparse(imported) == "from plugrad.testing import pack_tests"
    assert ast.unparse(test) == "test_ops = pack_tests('softclip')"


def test_ci_runs_every_check(here):
    new_pack("softclip")
    workflow = (here / "plugrad-softclip/.github/workflows/ci.yml").read_text()
    job = yaml.safe_load(workflow)["jobs"]["check"]
    assert [step["run"] for step in job["steps"] if "run" in step][1:] == [
        "pip install -e '.[dev]'",
        "plugrad check softclip::",
        "plugrad strength softclip::",
        "pytest",
        "ruff check .",
        "ruff format --check .",
        "mypy",
    ]
    assert job["env"] == {"PLUGRAD_STRICT": "1"}
    python = next(step["with"] for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert python["python-version"] == "${{ matrix.python }}"


def test_the_licence_names_gits_author(here):
    done = new_pack("softclip")
    licence = (here / "plugrad-softclip/LICENSE").read_text()
    assert f"\nCopyright (c) {time.localtime().tm_year} Ada Lovelace\n" in licence
    assert "note:" not in done.stdout
    theirs = (checkout.ROOT / "LICENSE").read_text().partition("\n\nPermission")[2]
    assert licence.endswith(theirs)


@pytest.mark.parametrize(("name", "value"), [("GIT_CONFIG_GLOBAL", os.devnull), ("PATH", "")])
def test_without_an_author_the_licence_has_a_placeholder_and_the_output_a_note(
    here, monkeypatch, name, value
):
    monkeypatch.setenv(name, value)  # git knows none, or there is no git
    done = new_pack("softclip")
    assert done.exit_code == 0
    assert " the authors of plugrad-softclip\n" in (here / "plugrad-softclip/LICENSE").read_text()
    assert done.stdout.endswith(
        "\nnote: git knows no user.name, so LICENSE names 'the authors of plugrad-softclip'\n"
        "  fix: put your name there\n"
    )


@pytest.mark.parametrize(
    ("pack", "op"),
    [
        ("softclip", "softclip"),
        ("a", "b"),
        (LONG, "y" * 40),
        (LONG, LONG),
        ("a", "y" * 40),
        ("p2", "function"),
        ("p3", "sample_maker"),
        ("p4", "property"),
        ("p5", "exception"),
        ("p6", "true"),
        ("p7", "variable"),
        ("p8", "reference"),
        ("p9", "test"),
        ("p10", "overload"),
    ],
)
def test_what_is_written_is_clean_whatever_the_names(here, pack, op):
    assert new_pack(pack, "--op", op).exit_code == 0
    (folder,) = here.iterdir()
    for command in (["check"], ["format", "--check"]):
        done = python("-m", "ruff", *command, "--no-cache", ".", cwd=folder)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("op", "name"),
    [
        ("softclip", "Softclip"),
        ("soft_clip", "SoftClip"),
        ("conv_2d", "Conv2d"),
        ("mT", "MT"),
        ("function", "FunctionOp"),
        ("sample_maker", "SampleMakerOp"),
        ("true", "TrueOp"),
        ("exception", "ExceptionOp"),
    ],
)
def test_the_name_of_a_class_has_no_other_meaning(op, name):
    assert OpModule(op, f"p::{op}").class_name == name


def test_a_template_refuses_a_value_that_is_missing():
    with pytest.raises(UndefinedError, match="'pack' is undefined"):
        rendered("test_pack.py")


# --- what is refused -----------------------------------------------------------------

NAMES = [
    ("2fast", ("'2fast' is not a valid name for a pack\n  fix: write small letters, digits and "
     "single _ "
     "between them, a letter first, as in fast")),
    ("SoftClip", "a letter first, as in soft_clip"),
    ("soft clip", "a letter first, as in soft_clip"),
    ("soft.clip", "a letter first, as in soft_clip"),
    ("soft__clip", "a letter first, as in soft_clip"),
    ("_soft", "a letter first, as in soft"),
    ("soft_", "a letter first, as in soft"),
    ("weiß", "'weiß' is not a valid name for a pack\n  fix: write small letters"),
    ("plugrad-", ("'plugrad-' is not a valid name for a pack: nothing follows plugrad\n  fix: "
     "write a name "
     "after it, as in plugrad-softclip")),
    ("plugrad_", "'plugrad_' is not a valid name for a pack: nothing follows plugrad\n  fix: "),
    ("", "'' is not a valid name for a pack\n  fix: write small letters"),
    ("../up", "a letter first, as in up"),
    ("x" * 41, "is too long for the name of a pack: 41 letters\n  fix: write at most 40"),
    ("lambda", ("'lambda' is not a valid name for a pack: it is a keyword of Python\n  fix: "
     "choose another, "
     "e.g. lambda_ops")),
    ("random", ("'random' is not a valid name for a pack: it is a module of the "
     "standard library\n  fix: ")),
    ("plugrad", "'plugrad' is the name of plugrad's built-in ops\n  fix: choose another"),
    ("local", "'local' is the name of plugrad's built-in ops\n  fix: choose another"),
    ("sin", ("'sin' is not a valid name for a pack: it is the built-in sin's\n  fix: choose "
     "another, e.g. "
     "sin_ops")),
    ("linalg", "'linalg' is not a valid name for a pack: it is the built-in linalg."),
    ("ops", ("plugrad ops is plugrad's own command, so the pack could have none\n  fix: choose "
     "another, e.g. ops_ops")),
    ("plugrad-doctor", "plugrad doctor is plugrad's own command, so the pack could have none\n"),
    ("storage_type", ("torch.Tensor has 'storage_type', so an op of this name must do the same, "
     "and the example that would be written does not\n  fix: choose another name for the "
     "op, e.g. --op soft_storage_type\n")),
    ("plugin", ("'plugin' is not a valid name for an op of a pack: the pack has a module "
     "plugin\n  fix: "
     "choose another name for the op, e.g. --op soft_plugin\n")),
    ("backward", ("'backward' is not a valid name for a pack: it is Variable's "
     "own\n  fix: choose another")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "message"), NAMES, ids=[name for name, _ in NAMES])
def test_a_bad_name_is_refused(here, name, message):
    done = new_pack(name)
    assert done.exit_code == 2
    assert "Error: Invalid value for NAME: " in done.stderr
    assert message in done.stderr
    assert done.stdout == ""
    assert names_in(here) == []


OPS = [
    ("two words", ("'two words' is not a valid name for an op\n  fix: write small letters, "
     "digits and "
     "single _ between them, a letter first, as in two_words")),
    ("yield", ("'yield' is not a valid name for an op: it is a keyword of Py"
     "thon\n  fix: choose another")),
    ("random", ("'random' is not a valid name for an op: it is a module of the "
     "standard library\n  fix: ")),
    ("ops", ("'ops' is not a valid name for an op of a pack: the pack has "
     "a module ops\n  fix: choose")),
    ("plugrad", ("'plugrad' is not a valid name for an op of a pack: the pack's "
     "own module has another ")),
    ("annotations", ("'annotations' is not a valid name for an op of a pack: the pack's own "
     "module has "
     "another annotations\n  fix: choose another name for the op, e.g. --op soft_annotations\n")),
    ("plugin", ("'plugin' is not a valid name for an op of a pack: the pack has "
     "a module plugin\n  fix: ")),
    ("sin", ("'sin' is not a valid name for an op of a pack: it is the built-in sin's\n  fix: "
     "choose "
     "another name for the op, e.g. --op soft_sin")),
    ("nn", "'nn' is not a valid name for an op of a pack: it is the built-in nn.functional."),
    ("data", "'data' is not a valid name for an op of a pack: it is Variable's own\n  fix: "),
    ("multinomial", "torch.Tensor has 'multinomial', so an op of this name must do the same"),
]  # fmt: skip


@pytest.mark.parametrize(("op", "message"), OPS, ids=[op for op, _ in OPS])
def test_a_bad_name_of_the_op_is_refused(here, op, message):
    done = new_pack("softclip", "--op", op)
    assert done.exit_code == 2
    assert "Error: Invalid value for --op: " in done.stderr
    assert message in done.stderr
    assert names_in(here) == []


@pytest.mark.parametrize(
    ("pack", "distribution"), [("softclip", "soft-ops"), ("other", "Plugrad_Softclip")]
)
def test_the_name_of_an_installed_pack_is_refused(here, monkeypatch, pack, distribution):
    from plugrad.cli.scaffold import installed_packs

    installed = Pack(pack, distribution, "1.2", "module")
    monkeypatch.setattr(installed_packs, "packs", [installed])
    done = new_pack("softclip")
    assert done.exit_code == 2
    assert (
        f"a pack named {pack!r} is installed already, from {distribution} 1.2\n"
        f"  fix: choose another name, or first pip uninstall {distribution}\n"
    ) in done.stderr
    assert names_in(here) == []


def make_folder(path):
    path.mkdir()


def make_file(path):
    path.write_text("mine")


def make_full_folder(path):
    path.mkdir()
    (path / "LICENSE").write_text("mine")


def make_dangling_link(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [make_folder, make_file, make_full_folder, make_dangling_link])
def test_nothing_is_overwritten(here, make):
    make(here / "plugrad-softclip")
    before = {path: path.lstat().st_mtime_ns for path in here.rglob("*")}
    done = new_pack("softclip")
    assert done.exit_code == 2
    assert (
        "Error: Invalid value for NAME: plugrad-softclip exists, and nothing is overwritten\n"
        "  fix: choose another name or another --into, or move it out of the way\n"
    ) in done.stderr
    assert {path: path.lstat().st_mtime_ns for path in here.rglob("*")} == before


def test_a_place_that_cannot_be_written_is_refused(here):
    (here / "file").write_text("")
    for into, reason in (("nowhere", "No such file or directory"), ("file", "Not a directory")):
        done = new_pack("softclip", "--into", into)
        assert done.exit_code == 2
        assert (
            f"Error: Invalid value for --into: {into}/plugrad-softclip can't be written: {reason}\n"
            "  fix: name an existing folder that you may write to\n"
        ) in done.stderr
    assert names_in(here) == ["file"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_halfway_leaves_nothing_behind(here, monkeypatch, error):
    write, written = Path.write_text, []

    def fails_at_last(path, *arguments, **options):
        written.append(path)
        if len(written) == 7:
            raise error
        return write(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", fails_at_last)
    done = new_pack("softclip")
    assert done.exit_code == (2 if isinstance(error, OSError) else 130)
    assert len(written) == 7
    if isinstance(error, OSError):
        assert "plugrad-softclip can't be written: No space left on device\n  fix: " in done.stderr
    assert names_in(here) == []


def test_it_needs_jinja2(here, monkeypatch):
    from plugrad.cli import extras

    find = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "jinja2" else find(name))
    done = new_pack("softclip")
    assert done.exit_code == 1
    assert names_in(here) == []


def test_a_setting_that_is_not_understood_is_told(here):
    done = python(
        "-m", "plugrad", "new-pack", "softclip", env=os.environ | {"PLUGRAD_PACKS": "a,-b"}
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: 'a,-b' is not a valid pack selection\n")
    assert "Traceback" not in done.stderr
    assert names_in(here) == []


def test_help_has_examples_a_line_each():
    done = new_pack("--help")
    assert done.exit_code == 0
    assert "\n  plugrad new-pack softclip\n" in done.stdout
    assert "\n  plugrad new-pack plugrad-softclip    means the same\n" in done.stdout
    assert "\n  plugrad new-pack activations --op squash\n" in done.stdout


# --- the author's path ---------------------------------------------------------------

USE = """\
import torch
from plugrad_softclip import Variable, softclip
from typing_extensions import assert_type

x = Variable(torch.tensor([-2.0, 0.5]), requires_grad=True)
assert_type(x.softclip(limit=2.0), Variable)
assert_type(x.softclip.softclip(2.0), Variable)
assert_type(softclip(x), Variable)
assert_type(softclip(x, 0.5).softclip.smooth(), Variable)
assert_type(softclip(x.data, limit=0.5), torch.Tensor)
assert_type(x.smooth(1.0), Variable)
x.softclip().sum().backward()
assert x.grad is not None
torch.testing.assert_close(x.grad.data, 1 - torch.tanh(x.data) ** 2)
assert softclip(x).data.equal(x.softclip.softclip().data)
"""
MISUSE = (
    USE
    + """\
x.softclip(limit="far")
softclip()
x.softclip.hard()
"""
)


@pytest.fixture(scope="module")
def author(tmp_path_factory):
    return AuthorEnvironment(tmp_path_factory.mktemp("author"))


def assert_checked(output, ops):
    """That the check passed, and pytest found the same: how much passed, and what did not apply."""
    counted = "1 op" if ops == 1 else f"{ops} ops"
    found = re.search(
        rf"passed: {counted}, \d+ results in .*: (\d+) passed, 0 failed, 0 waived, (\d+) not",
        output,
    )
    assert found, output
    passed, skipped = map(int, found.groups())
    assert passed > 200 * ops
    assert f" {passed} passed, {skipped} skipped in " in output
    return passed, skipped


@pytest.mark.slow
def test_from_nothing_to_a_checked_pack(author, here):
    """To the letter what the issue asks for; and one more op, and the wheel."""
    author.run("plugrad new-pack softclip", here)
    pack = here / "plugrad-softclip"
    checked = "pip install -e . && plugrad check softclip:: && pytest"
    output = author.run(checked, pack)
    assert_checked(output, ops=1)
    author.run("ruff check . && ruff format --check . && mypy", pack)
    assert "faults caught (100 %)" in author.run("plugrad strength softclip::", pack)

    author.run("plugrad new-op smooth", pack)
    output = author.run(checked, pack)
    assert_checked(output, ops=2)
    author.run("ruff check . && ruff format --check . && mypy", pack)
    (here / "use.py").write_text(USE)
    author.run("mypy --strict use.py && python use.py", here)
    (here / "misuse.py").write_text(MISUSE)
    told = author.run("mypy --strict misuse.py", here, status=1)
    assert 'has incompatible type "str"; expected "float"  [arg-type]' in told
    assert 'All overload variants of "softclip" require at least one argument' in told
    assert '"_Ops" has no attribute "hard"' in told
    assert "Found 3 errors" in told

    author.run("pip wheel --no-index --no-build-isolation --no-deps --wheel-dir ../dist .", pack)
    (wheel,) = (here / "dist").iterdir()
    names = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    inside = {name[4:] for name in files_in(pack) if name.startswith("src/plugrad_softclip/")}
    assert names == {name for name in inside if "__pycache__" not in name}
    assert {"plugrad_softclip/py.typed", "plugrad_softclip/__init__.pyi"} <= names
    (points,) = (n for n in ZipFile(wheel).namelist() if n.endswith("entry_points.txt"))
    assert ZipFile(wheel).read(points).decode().split() == [
        "[plugrad]", "softclip", "=", "plugrad_softclip.plugin",
        "[plugrad.api]", "softclip", "=", "v2",
    ]  # fmt: skip


@pytest.mark.slow
def test_two_packs_side_by_side(author, here):
    for line in (
        "plugrad new-pack first --op squash",
        "plugrad new-pack second --op level",
        "pip install -e plugrad-first -e plugrad-second",
    ):
        author.run(line, here)
    for pack in ("first", "second"):
        folder = here / f"plugrad-{pack}"
        output = author.run(f"plugrad check {pack}:: && pytest", folder)
        one = assert_checked(output, ops=1)
    assert f" {2 * one[0]} passed, {2 * one[1]} skipped in " in author.run("pytest", here)
    told = author.run(
        "python -c 'import torch, plugrad as pg; x = pg.Variable(torch.zeros(2))\n"
        "print(x.first.squash() + pg.ops.second.level(x), x.squash() + x.level())'",
        here,
    )
    assert told == "Variable([0., 0.]) Variable([0., 0.])\n"
    author.run("pip uninstall --yes plugrad-first plugrad-second", here)

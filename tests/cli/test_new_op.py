"""``plugrad new-op``: one more op, in a pack and in plugrad itself; and what is refused."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("typer")
pytest.importorskip("jinja2")
from typer.testing import CliRunner

from plugrad.cli.app import app
from plugrad.cli.scaffold import installed_packs
from plugrad.plugins.pack import Pack
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.plugins.site import Site, pack_of

STUB = Path("src/plugrad_softclip/__init__.pyi")
OPS = Path("src/plugrad_softclip/ops")


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def pack(tmp_path, monkeypatch, no_packs):
    """Let the test be in the folder of a new pack."""
    monkeypatch.setattr(installed_packs, "packs", no_packs)
    monkeypatch.chdir(tmp_path)
    assert run("new-pack", "softclip").exit_code == 0
    monkeypatch.chdir(tmp_path / "plugrad-softclip")
    return tmp_path / "plugrad-softclip"


@pytest.fixture
def own(tmp_path, monkeypatch, no_packs):
    """Let the test be in what looks like plugrad's own repository."""
    monkeypatch.setattr(installed_packs, "packs", no_packs)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "plugrad"\n')
    for folder in ("", "elementwise", "activation", "linalg"):
        (tmp_path / "ops" / folder).mkdir()
        (tmp_path / "ops" / folder / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder, *arguments, hint="NAME"):
    """What is said of a command that writes nothing."""
    before = files_in(folder)
    done = run("new-op", *arguments)
    assert done.exit_code == 2, done.output
    assert f"Error: Invalid value for {hint}: " in done.stderr
    assert "\n  fix: " in done.stderr
    assert "Traceback" not in done.output
    assert files_in(folder) == before
    return done.stderr


# --- in a pack -----------------------------------------------------------------------


def test_an_op_is_a_module_and_a_place_in_the_stub(pack):
    done = run("new-op", "squash")
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        f"written {OPS / 'squash.py'}\nchanged {STUB}\n\n"
        f"next: write your own formula in {OPS / 'squash.py'}, then\n"
        "  plugrad check softclip::squash\n  plugrad strength softclip::squash\n  pytest\n"
    )
    stub = STUB.read_text()
    assert stub.count("def squash(") == 4  # of _Ops, of Variable, and the function, overloaded
    assert (
        "tanh" not in stub
    )  # the example's formula, which its author puts another in the place of


def test_what_it_writes_is_clean(pack):
    for op in ("squash", "test", "test_it"):
        assert run("new-op", op).exit_code == 0
    # A stub whose methods had docstrings stays clean too.
    old = STUB.read_text().replace(
        "    ) -> Variable: ...\n", '    ) -> Variable:\n        """y = x."""\n\n'
    )
    STUB.write_text(old.replace('"""\n\n\n', '"""\n\n').replace('"""\n\n@', '"""\n\n@'))
    assert run("new-op", "again").exit_code == 0
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."],
            cwd=pack, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + STUB.read_text()


@pytest.mark.parametrize("name", ["annotations", "plugrad"])
def test_what_the_packs_module_imports_is_no_name(pack, name):
    told = refused(pack, name)
    assert (
        f"'{name}' is not a valid name for an op of a pack: the pack's own module has another"
        in told
    )
    assert f"fix: choose another, e.g. soft_{name}" in told


def test_a_name_of_torchs_leads_to_overrides(pack):
    assert "fix: --overrides torch.multinomial writes an op" in refused(pack, "multinomial")


def test_a_name_that_the_stub_has_is_to_blame(pack):
    run("new-op", "squash")
    (OPS / "squash.py").unlink()
    assert f"cannot be added to {STUB}: it has 'squash' already" in refused(pack, "squash")


def test_a_package_or_a_dangling_link_at_its_place_is_not_overwritten(pack):
    (OPS / "squash").mkdir()
    (OPS / "level.py").symlink_to("nowhere")
    assert f"{OPS / 'squash'} exists, and nothing is overwritten" in refused(pack, "squash")
    assert f"{OPS / 'level.py'} exists, and nothing is overwritten" in refused(pack, "level")


def test_a_pack_that_cannot_be_loaded_gets_no_op(pack):
    project = pack / "pyproject.toml"
    project.write_text(project.read_text().replace("\nsoftclip = ", "\nsoft-clip = "))
    told = refused(pack, "squash", hint="--pack")
    assert "'soft-clip' is not a valid name for a pack" in told
    assert "as in 'my_pack', in both tables of entry points" in told


def test_a_stub_that_is_not_in_utf_8_is_refused(pack):
    STUB.write_bytes(b'"""\xff"""\n')
    assert f"{STUB} is not written in UTF-8" in refused(pack, "squash", hint="--pack")


@pytest.mark.parametrize("place", [STUB, OPS / "__init__.py"])
def test_what_cannot_be_read_is_told(pack, monkeypatch, place):
    is_file = Path.is_file

    def may_not(path):
        if path == place:
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", may_not)
    done = run("new-op", "squash")
    assert done.exit_code == 2
    assert f"for --pack: {place} can't be read: Permission denied\n  fix: let it be" in done.stderr


def test_a_name_that_another_pack_has_is_told(tmp_path):
    site = Site(tmp_path)
    site.install("sea", "print('waves')\n" + pack_of("ripple"))
    _, ripple, other = site_commands(
        site,
        "new-pack softclip",
        "new-op ripple --pack plugrad-softclip",
        "new-op calm --pack plugrad-softclip",
    )
    assert ripple[0] == other[0] == 0
    assert ripple[1].endswith(
        "\nnote: sea::ripple has the name ripple too; where both packs are installed, x.ripple() "
        "calls neither\n  fix: choose another name, or call yours as x.softclip.ripple()\n"
    )
    assert "note:" not in other[1]
    assert "waves" not in ripple[1]


def test_a_wrong_setting_is_told_before_anything_is_written(tmp_path):
    site = Site(tmp_path)
    site_commands(site, "new-pack softclip")
    command = "new-op ripple --pack plugrad-softclip"
    ((status, _, errors),) = site_commands(site, command, PLUGRAD_PACKS="a,-b")
    assert status == 2
    assert errors.startswith("Error: 'a,-b' is not a valid pack selection\n")
    assert not list(site.work.rglob("ripple.py"))


# --- in plugrad's own repository -----------------------------------------------------


def declared(path):
    """The arguments of ``@op``: the name, and the others as code."""
    (kind,) = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef)]
    (decorator,) = kind.decorator_list
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in decorator.keywords}
    return decorator.args[0].value, options


@pytest.mark.parametrize(
    "arguments",
    [
        ["elementwise/bessel_y0"],
        ["elementwise/bessel_y0", "--overrides", "torch.special.bessel_y0"],
    ],
)
def test_a_special_function_leaves_its_name_to_a_pack(own, arguments):
    assert not hasattr(torch, "bessel_y0")
    assert run("new-op", *arguments).exit_code == 0
    name, options = declared(own / "ops/elementwise/bessel_y0.py")
    assert name == "bessel_y0"
    assert options["overrides"] == "(torch.special.bessel_y0,)"
    assert options["methods"] == "('bessel_y0',)"
    assert (
        '@parametrize_ops("bessel_y0")'
        in (own / "tests/ops/elementwise/test_bessel_y0.py").read_text()
    )


def test_other_parts_of_torch_stay_in_the_name(own):
    assert run("new-op", "linalg/cond").exit_code == 0
    assert declared(own / "ops/linalg/cond.py")[0] == "linalg.cond"


@pytest.mark.parametrize(
    ("pack", "arguments"),
    [
        ("bessel_y0", ["elementwise/bessel_y0"]),
        ("fft", ["elementwise/hfft", "--overrides", "torch.fft.hfft"]),
        ("hfft", ["elementwise/hfft", "--overrides", "torch.fft.hfft"]),
    ],
)
def test_the_name_of_an_installed_pack_is_not_taken(own, monkeypatch, pack, arguments):
    installed = Pack(pack, f"plugrad-{pack}", "1.2", "module")
    monkeypatch.setattr(installed_packs, "packs", [installed])
    told = refused(own, *arguments)
    assert f"would take its name from the pack {pack} of plugrad-{pack} 1.2\n" in told


@pytest.mark.parametrize("folder", [".", "ops/activation"])
def test_without_a_category_it_says_how(own, monkeypatch, folder):
    monkeypatch.chdir(own / folder)
    told = refused(own, "squash")
    assert "fix: write elementwise/squash for a built-in op; use --pack for an op of a pack" in told


# --- the module of a pack that is not loaded -----------------------------------------


@pytest.fixture
def softclip(tmp_path):
    """An installed pack that new-pack made, its op in a module of the site."""
    site = Site(tmp_path)
    site_commands(site, "new-pack softclip")
    made = site.work / "plugrad-softclip"
    (made / "src/plugrad_softclip").rename(site.path / "plugrad_softclip")
    site.metadata(
        site.path,
        "plugrad-softclip",
        "[plugrad]\nsoftclip = plugrad_softclip.plugin\n[plugrad.api]\nsoftclip = v1\n",
    )
    return site


CHOSEN = {"PLUGRAD_PACKS": "plugrad-softclip"}
IMPORTS = """
try:
    from plugrad_softclip import softclip
except ImportError as error:
    print(f"{type(error).__name__}: {error}")
from plugrad_softclip import ops
import plugrad_softclip
print(ops.__name__, hasattr(plugrad_softclip, "_private"))
"""


def test_a_from_import_of_a_loaded_packs_op(softclip):
    code = IMPORTS + "print(softclip(x).data, hasattr(plugrad_softclip, 'hard'))\n"
    code += "from plugrad_softclip import hard\n"
    _, errors = softclip.run(code, status=1, **CHOSEN)
    assert errors.splitlines()[-1].startswith("ImportError: cannot import name 'hard' from ")
    printed, _ = softclip.run(code.rpartition("from ")[0], **CHOSEN)
    assert printed == "plugrad_softclip.ops False\ntensor([0.7616, 0.9640]) False\n"


def test_a_from_import_says_that_the_pack_is_switched_off(softclip):
    printed, _ = softclip.run(IMPORTS, PLUGRAD_PACKS="none")
    told, *rest = printed.splitlines()
    assert told == "ImportError: the pack softclip is switched off"
    assert "allow its distribution" in rest[1]
    assert rest[-1] == "plugrad_softclip.ops False"


def test_a_from_import_says_that_the_pack_is_set_aside(softclip):
    with (softclip.path / "plugrad_softclip/plugin.py").open("a") as file:
        file.write("1 / 0\n")
    code = "from plugrad_softclip import softclip\n"
    _, errors = softclip.run(code, status=1, **CHOSEN)
    assert "\nImportError: the pack softclip is set aside\n" in errors
    assert "\nZeroDivisionError: division by zero\n" in errors

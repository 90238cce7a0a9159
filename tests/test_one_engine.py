"""However the tests are started, there is one engine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plugrad.tests import checkout

PROBE = """
import sys
from pathlib import Path

import plugrad


def test_probe():
    root = Path(__file__).resolve().parent.parent
    assert Path(plugrad.__file__).resolve().parent == root
    engines = [
        name
        for name, module in sys.modules.items()
        if getattr(module, "__file__", None)
        and Path(module.__file__).resolve() in (root / "__init__.py", root / "errors.py")
    ]
    assert sorted(engines) == ["plugrad", "plugrad.errors"]
"""


def test_this_run_imported_no_module_of_the_package_twice():
    # Not all that lies below the root is ours: a .venv may.
    names = {(checkout.ROOT / path): [] for path in checkout.files()}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name != "__main__":
            names.get(Path(file).resolve(), []).append(name)
    assert not {path: found for path, found in names.items() if len(found) > 1}


@pytest.fixture(scope="module", params=["whatever", "plugrad"])
def clone(request, tmp_path_factory):
    copy = checkout.copy_to(tmp_path_factory.mktemp("some") / request.param)
    (copy / "tests" / "test_probe.py").write_text(PROBE)
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["tests/test_probe.py"], ["tests/test_probe.py", "-n1"]])
def test_a_clone_in_a_folder_of_any_name_has_one_engine(clone, arguments):
    done = checkout.run_in(clone, "-m", "pytest", "-q", "-k", "test_probe", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.slow
def test_a_run_without_arguments_has_one_engine(tmp_path):
    copy = checkout.copy_to(tmp_path / "whatever")
    (copy / "tests" / "test_probe.py").write_text(PROBE)
    # To collect all takes half a minute.
    most = [f"--ignore=tests/{folder}" for folder in ("ops", "testing", "cli", "interop", "notes")]
    done = checkout.run_in(copy, "-m", "pytest", "-q", "-k", "test_probe", *most)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_without_the_guard_there_would_be_two(tmp_path, mode):
    # When this fails, pytest has changed its ways and the plugin can go.
    clone = checkout.copy_to(tmp_path / "whatever")
    (clone / "tests" / "test_probe.py").write_text(PROBE)
    bare = ["-o", "addopts=", f"--import-mode={mode}", "tests/test_probe.py"]
    done = checkout.run_in(clone, "-m", "pytest", "-q", *bare)
    assert done.returncode == 1
    assert "'whatever'" in done.stdout


@pytest.mark.slow
def test_the_tests_of_one_checkout_refuse_the_plugrad_of_another(tmp_path):
    mine = checkout.copy_to(tmp_path / "mine")
    other = checkout.copy_to(tmp_path / "other")
    done = checkout.run_in(mine, "-m", "pytest", "-q", "--rootdir", other, "-c", "pyproject.toml")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "would test the plugrad in" in done.stderr
    assert "fix:" in done.stderr


def test_nothing_lets_pytest_climb_to_the_root():
    # With an __init__.py a folder of tests becomes a part of the root's package, and a
    # conftest.py at the root always is one: pytest would import both under a second name.
    assert not [str(path) for path in (checkout.ROOT / "tests").rglob("__init__.py")]
    assert not (checkout.ROOT / "conftest.py").exists()

"""The environment, as plugrad doctor tells it."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path

import pytest
import torch

pytest.importorskip("packaging")
import plugrad as pg
from plugrad.cli.describing.environment import environment, unsupported_torch
from plugrad.cli.describing.two_plugrads import two_plugrads
from plugrad.tests import checkout


def test_versions_and_places():
    told = environment()
    assert told["python"] == {"version": platform.python_version(), "path": sys.executable}
    assert told["torch"]["version"] == str(torch.__version__)
    assert told["plugrad"] == {"version": pg.__version__, "path": pg.__path__[0]}


def test_the_torch_that_plugrad_needs(monkeypatch):
    required = checkout.PYPROJECT["project"]["dependencies"]
    monkeypatch.setattr(metadata, "requires", lambda name: required)
    told = environment()["torch"]
    assert told["needed"] == ">=2.6"
    assert not list(unsupported_torch())
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    (found,) = unsupported_torch()
    assert found.what == "torch 2.5.1+cpu is installed, but plugrad needs torch>=2.6"
    assert found.where == told["path"]
    assert found.fix == "pip install 'torch>=2.6'"
    monkeypatch.setattr(torch, "__version__", "2.15.0a0+git1234567")
    assert not list(unsupported_torch())


def test_what_an_extra_lacks(monkeypatch):
    required = {
        "plugrad": [
            "torch>=2",
            "sys_of_nowhere>=1; extra == 'demo'",
            "plugrad[cli]; extra == 'demo'",
            "plugrad[demo]; extra == 'test'",
            "pytest>=1; extra == 'test'",
            "plugrad[test]; extra == 'dev'",
            "pluggy>=0.1; extra == 'cli'",
            'tomli_of_nowhere>=2; python_version < "3" and extra == "cli"',
            "pluggy>=999; extra == 'new'",
            "Pluggy[of-nowhere]; extra == 'docs'",
            "torch_of_nowhere; python_version >= '3'",
        ],
        "pluggy": ["more_of_nowhere; extra == 'of-nowhere'", "other_of_nowhere; extra == 'x'"],
    }
    monkeypatch.setattr(metadata, "requires", lambda name: required[name])
    assert environment()["extras"] == {
        "cli": [],
        "demo": ["sys_of_nowhere"],
        "dev": ["sys_of_nowhere"],
        "docs": ["more_of_nowhere"],
        "new": [f"pluggy>=999 (is {metadata.version('pluggy')})"],
        "test": ["sys_of_nowhere"],
    }


def test_extras_that_require_each_other(monkeypatch):
    required = ["plugrad[b]; extra == 'a'", "plugrad[a]; extra == 'b'", "nowhere; extra == 'b'"]
    monkeypatch.setattr(metadata, "requires", lambda name: required)
    assert environment()["extras"] == {"a": ["nowhere"], "b": ["nowhere"]}


def test_without_metadata_no_extra_is_known(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    monkeypatch.setattr(metadata, "version", missing)
    assert environment()["extras"] == {}
    assert environment()["torch"]["needed"] == ""
    assert not list(two_plugrads())
    assert not list(unsupported_torch())


def test_settings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLUGRAD_PACKS", "-b,-a")
    monkeypatch.delenv("PLUGRAD_STRICT", raising=False)
    (tmp_path / "pyproject.toml").write_text("[tool.plugrad]\nstrict = true\n")
    assert environment()["settings"] == {
        "PLUGRAD_PACKS": "-b,-a",
        "PLUGRAD_STRICT": None,
        "[tool.plugrad]": str(tmp_path / "pyproject.toml"),
        "in force": {
            "packs": "all but a, b",
            "from": "the environment variable PLUGRAD_PACKS",
            "strict": True,
        },
    }
    monkeypatch.setenv("PLUGRAD_STRICT", "maybe")
    assert environment()["settings"]["in force"] is None


def test_metadata_of_another_version(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1")
    (found,) = two_plugrads()
    assert found.what == f"plugrad {pg.__version__} is imported, but plugrad 0.0.1 is installed"
    assert Path(found.where).samefile(pg.__path__[0])
    assert "pip uninstall plugrad" in found.fix

"""A pytest plugin for a root that is a package: keeps pytest from making a second engine.

pytest takes the root, a folder with an ``__init__.py``, for a package and imports it under
the folder's name: ``main.core.variable`` beside ``plugrad.core.variable``, two Variable
classes, two registries. ``addopts`` in pyproject.toml loads this plugin, which has pytest
see a plain folder there.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config):
    """Refuse to run one checkout's tests with the plugrad of another."""
    if config.rootpath.resolve() != ROOT:
        raise pytest.UsageError(
            f"the tests in {config.rootpath} would test the plugrad in {ROOT}\n"
            "  fix: pip install -e . from here, in the environment that runs pytest"
        )


def pytest_collect_directory(path, parent):
    """Return a plain folder for the root; None, pytest's own choice, for all others."""
    return pytest.Dir.from_parent(parent, path=path) if path.resolve() == ROOT else None

"""What every test of a command needs."""

from __future__ import annotations

import pytest

from plugrad.plugins.hooks import hook_manager
from plugrad.plugins.packs import Packs
from plugrad.plugins.registry import Registry


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory, monkeypatch):
    """Keep what a command notes for later out of the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: folder / "plugrad")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))  # for programs that a test starts
    return folder / "plugrad"


@pytest.fixture
def no_packs(monkeypatch):
    """Let the commands find no pack, and load none into this process's registry."""
    monkeypatch.setenv("PLUGRAD_PACKS", "none")
    monkeypatch.delenv("PLUGRAD_STRICT", raising=False)
    none = Packs(Registry(), hook_manager())
    for place in ("plugrad.cli.describing.loaded_packs", "plugrad.plugins.default"):
        monkeypatch.setattr(f"{place}.packs", none)
    return none

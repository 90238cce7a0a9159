"""What pytest loads if plugrad is installed; it loads the real plugin in runs that ask for it.

A top-level module, since importing anything from ``plugrad`` imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLUGIN = "plugrad.testing.pytest_plugin"
_ASKING = ("--plugrad", "plugrad::", "--help", "-h")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: Sequence[str]) -> None:
    """Load the plugin, and have the workers of xdist load it."""
    if any(argument.startswith(_ASKING) for argument in args):
        early_config.pluginmanager.import_plugin(_PLUGIN)

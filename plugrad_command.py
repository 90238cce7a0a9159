"""The command ``plugrad``.

A module of its own beside the package: what the shell runs on each TAB, the help and the version
must not wait for torch, and ``import plugrad`` imports it.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec, module_from_spec


def main() -> None:
    """Run the command line and exit with its status."""
    if "_PLUGRAD_COMPLETE" in os.environ or sys.argv[1:] in ([], ["--help"], ["--version"]):
        _import_when_used("plugrad")
    from plugrad.cli import main as run

    run()


def _import_when_used(name: str) -> None:
    """Let a package's modules be imported without it; it is run when something of it is used.

    (importlib's LazyLoader runs a package as soon as one of its modules is imported.)
    """
    spec = find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)

    def load(attribute: str) -> object:
        del module.__getattr__
        spec.loader.exec_module(module)
        return getattr(module, attribute)

    module.__getattr__ = load  # type: ignore[method-assign]
    sys.modules[name] = module

"""Marks for tests of what some of the torch versions that plugrad supports lack or do otherwise."""

from __future__ import annotations

import pytest

import plugrad as pg
from plugrad.core.installed_torch import torch_before


def since(version, before):
    """Skip where torch is older than ``version``; ``before`` says what it did, in words."""
    return pytest.mark.skipif(torch_before(version), reason=f"before {version}, {before}")


#: For what names every built-in op, as the stub of Variable's methods does.
needs_all_ops = pytest.mark.skipif(
    bool(pg.registry.absent), reason="this torch has nothing that some of the ops stand for"
)


def needs_op(name):
    """Skip where an op is absent, as it is if the installed torch lacks its function."""
    return pytest.mark.skipif(
        name in pg.registry.absent, reason=f"this torch has nothing that {name} stands for"
    )

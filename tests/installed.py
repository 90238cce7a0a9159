"""Marks for tests of what some of the torch versions that plugrad supports lack or do otherwise."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.core.installed_torch import torch_before
from plugrad.tests import checkout


def since(version, before):
    """Skip where torch is older than ``version``; ``before`` says what it did, in words."""
    return pytest.mark.skipif(torch_before(version), reason=f"before {version}, {before}")


_CONSTRAINTS = (checkout.ROOT / "constraints.txt").read_text(encoding="utf-8")
#: For what names every built-in op, as the stub of Variable's methods does.
needs_pinned_torch = pytest.mark.skipif(
    f"torch=={torch.__version__.partition('+')[0]}\n" not in _CONSTRAINTS,
    reason="the ops that there are differ from those of the torch in constraints.txt",
)


def needs_op(name):
    """Skip where an op is absent, as it is if the installed torch lacks its function."""
    return pytest.mark.skipif(
        name in pg.registry.absent, reason=f"this torch has nothing that {name} stands for"
    )


def _asks_what_a_number_is():
    try:
        torch.full_like(torch.ones(1), pg.Variable(torch.tensor(1.0)))
    except TypeError:
        return False
    return True


#: For what torch does with a Variable given as a number only if it asks the Variable.
asks_what_a_number_is = pytest.mark.skipif(
    not _asks_what_a_number_is(), reason="this torch refuses what is no number itself, as 2.6 does"
)

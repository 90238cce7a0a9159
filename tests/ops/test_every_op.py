"""Every built-in op obeys every law, on each of its samples; ``pytest --plugrad`` tells more."""

from __future__ import annotations

import pytest

import plugrad as pg
from plugrad.testing import check_op


@pytest.mark.parametrize("name", [entry.name for entry in pg.registry])
def test_obeys_every_law(name):
    report = check_op(name, seed=0)
    assert report.passed, str(report)

"""The garbage collector while ops are checked, and afterwards."""

from __future__ import annotations

import gc

import pytest

from plugrad.testing.garbage import collected_rarely


@pytest.mark.parametrize("frozen", [False, True])
def test_the_collector_is_left_as_it_was(frozen):
    if frozen:
        gc.freeze()
    try:
        before = gc.get_threshold()
        with collected_rarely():
            assert gc.isenabled()
            assert gc.get_threshold() > before
            assert gc.get_freeze_count()
        assert gc.get_threshold() == before
        assert bool(gc.get_freeze_count()) == frozen
    finally:
        gc.unfreeze()

"""What ``import plugrad`` leaves as it found it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "True 0 0"),
        ("gc.disable()", "False 0 0"),
        ("gc.freeze()", "True 0 some"),
        ("sys.modules['torch'] = None", "True ImportError 0"),
    ],
)
def test_the_garbage_collector_is_as_before(before, after):
    code = f"""
import gc, sys
{before}
error = 0
try:
    import plugrad
except ImportError:
    error = "ImportError"
print(gc.isenabled(), error, "some" if gc.get_freeze_count() else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == after.split()

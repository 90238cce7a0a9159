"""collected_rarely: Python's garbage collector at work less often, while ops are checked."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def collected_rarely() -> Iterator[None]:
    """In the block the collector does not look at what is there before it, nor often at the rest.

    What is imported stays: to look through it again and again takes a tenth of a worker's time.
    Results stay as well, and have no cycles: of what it takes to receive them it is more than half.
    """
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()

"""making: the lock for things that are made at their first use, not at import."""

from __future__ import annotations

import os
import threading


class _Making:
    """Has one lock, which is never held while waiting for another one."""

    def __init__(self) -> None:
        self.release()

    def release(self) -> None:
        """Forget the lock's owner: a forked process has no other thread that could release it."""
        self.lock = threading.RLock()


making = _Making()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=making.release)

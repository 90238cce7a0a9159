"""making: holds the lock under which is made, at its first use, what import did not wait for."""

from __future__ import annotations

import os
import threading


class _Making:
    """Has one lock, which is never held where another one is waited for."""

    def __init__(self) -> None:
        self.release()

    def release(self) -> None:
        """Be nobody's: a process that was forked has no other thread that could go on."""
        self.lock = threading.RLock()


making = _Making()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=making.release)

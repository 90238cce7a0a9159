"""torch_before: what a rule, a waiver or a sample asks if it depends on the installed torch."""

from __future__ import annotations

import torch

_INSTALLED = tuple(int(part) for part in torch.__version__.split(".")[:2])


def torch_before(version: str) -> bool:
    """Whether the installed torch is older than ``version``, such as ``"2.14"``.

    A preview of 2.14 counts as 2.14. Nothing is tried: to ask torch for a gradient at import would
    start its threads, and a fork needs none.
    """
    return tuple(int(part) for part in version.split(".")) > _INSTALLED

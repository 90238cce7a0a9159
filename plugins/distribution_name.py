"""normalized: distribution names as the package index compares them."""

from __future__ import annotations

import re


def normalized(name: str) -> str:
    """``Plugrad_Special`` and ``plugrad.special`` are ``plugrad-special`` (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()

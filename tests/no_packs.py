"""A pytest plugin: whatever packs are installed here, the tests run without them.

Those about packs start programs of their own, and choose there.
"""

from __future__ import annotations

import os

os.environ["PLUGRAD_PACKS"] = "none"

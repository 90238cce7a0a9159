"""The versions of the pack API: what a pack may ask of plugrad, and plugrad of a pack.

It goes up by one when a pack that worked would not work any more, and only then: a hook is
dropped or called differently, or the op contract changes. A pack states the one it was
written for as an entry point, which can be read without importing the pack::

    [project.entry-points."plugrad.api"]
    NAME = "v1"
"""

from __future__ import annotations

#: The versions that packs may be written for; the last is the current one.
SUPPORTED_API = range(1, 2)

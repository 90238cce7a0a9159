"""copyright_holder: whom a licence names."""

from __future__ import annotations

import subprocess


def copyright_holder() -> str | None:
    """The name that git commits under here; None if git does not know one."""
    try:
        done = subprocess.run(
            ["git", "config", "user.name"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().partition("\n")[0].strip() or None

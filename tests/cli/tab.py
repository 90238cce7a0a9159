"""tab: what the shell is given when TAB is pressed."""

from __future__ import annotations

import subprocess
import sys

#: What the command does, and what it imported for it.
COMPLETE = """
import atexit, sys
atexit.register(lambda: print(*sorted({"torch", "trap"} & sys.modules.keys()), file=sys.stderr))
import plugrad_command
plugrad_command.main()
"""


def tab(site, *words, shell="bash"):
    """The completions of the last word, and which modules were imported for them."""
    if shell == "bash":
        given = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    else:
        given = {"_TYPER_COMPLETE_ARGS": " ".join(words)}
        given["_TYPER_COMPLETE_FISH_ACTION"] = "get-args"
    done = subprocess.run(
        [sys.executable, "-c", COMPLETE],
        env=site.environment() | given | {"_PLUGRAD_COMPLETE": f"complete_{shell}"},
        cwd=site.work,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split(), done.stderr

"""The command line: ``plugrad ...``, or ``python -m plugrad ...``."""

from __future__ import annotations

import sys

from plugrad.cli.extras import require
from plugrad.cli.interruption import INTERRUPTED


def main() -> None:
    """Run the command line and exit with its status."""
    require("the command line", "typer", "rich")
    try:
        from plugrad.cli.app import app
        from plugrad.cli.completion import mend_bash_words

        mend_bash_words()
        app(prog_name="plugrad")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)

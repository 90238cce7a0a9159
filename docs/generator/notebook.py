"""notebook: a tutorial as a notebook, ``python -m plugrad.docs.generator.notebook``.

A notebook is JSON: nothing is imported to write one.
"""

from __future__ import annotations

import json
import re
from typing import Any

from plugrad.docs.generator.checkout import ROOT

#: The pages that are notebooks as well, beside them.
PAGES = ("docs/tutorials/build-autograd.md",)

_CELL = re.compile(
    r"^```python\n(?P<code>.*?)^```$(?:\n\n^```text\n(?P<output>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)


def notebook(page: str) -> str:
    """The notebook of a page's text: a cell for each program, with what it prints."""
    cells: list[dict[str, Any]] = []
    end = 0
    for match in _CELL.finditer(page):
        cells += _words(page[end : match.start()])
        cells.append(_code(match["code"], match["output"]))
        end = match.end()
    cells += _words(page[end:])
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    written = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(written, indent=1, ensure_ascii=False) + "\n"


def _words(text: str) -> list[dict[str, Any]]:
    text = text.strip()
    return [{"cell_type": "markdown", "metadata": {}, "source": _lines(text)}] if text else []


def _code(code: str, output: str | None) -> dict[str, Any]:
    printed = {"name": "stdout", "output_type": "stream", "text": _lines(output or "")}
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [printed] if output else [],
        "source": _lines(code.rstrip("\n")),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    """Write the notebook of each of PAGES."""
    for page in PAGES:
        path = ROOT / page
        text = notebook(path.read_text(encoding="utf-8"))
        path.with_suffix(".ipynb").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

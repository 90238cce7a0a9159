"""Measure the museum's exhibits and write ``docs/museum``.

``python -m plugrad.tests.museum.run`` measures all of them (minutes), and with words after it those
whose names contain one of the words; ``--pages`` writes the pages from what was measured before.
"""

from __future__ import annotations

import json
import sys
import time

from plugrad.tests.museum.collection import EXHIBITS
from plugrad.tests.museum.exhibit import Exhibit
from plugrad.tests.museum.measure import measured
from plugrad.tests.museum.pages import FOLDER, MEASURED, pages


def main(words: list[str]) -> None:
    """Measure the exhibits whose names contain one of ``words``, and write the pages."""
    said = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    for exhibit in EXHIBITS:
        if "--pages" in words or (words and not any(word in exhibit.name for word in words)):
            continue
        start = time.perf_counter()
        said[exhibit.name] = measured(exhibit)
        print(line(exhibit, said[exhibit.name], time.perf_counter() - start), flush=True)
    said = {exhibit.name: said[exhibit.name] for exhibit in EXHIBITS if exhibit.name in said}
    MEASURED.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        old.unlink()
    for name, text in pages(said).items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def line(exhibit: Exhibit, said: dict, seconds: float) -> str:
    """What was measured of an exhibit, for whoever waits."""
    before, after = said["before"], said["after"]
    expected = ("passes" if exhibit.unseen else "fails", "passes")
    verdict = "" if (before["plugrad"], after["plugrad"]) == expected else "  <-- WRONG"
    laws = ", ".join(before["laws"]) or f"not seen yet: {exhibit.unseen}"
    late = f" after: {after['laws']}" if after["laws"] else ""
    return f"{exhibit.name:58.58} {seconds:5.1f} s  {laws}{late}{verdict}"


if __name__ == "__main__":
    main(sys.argv[1:])

"""What the laws find in a package, written down: a TOML file that is read, compared and renewed.

For each Function it has

- ``bugs``: the laws it breaks, each with why the finding is true, as somebody has verified;
- ``warnings``: the laws whose warnings it has;
- ``false``: the laws that fail although the Function is right. There should be none.

A Function without findings is there too, and empty: it is clean.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

#: What a law that fails gets as its reason until somebody has looked.
UNEXPLAINED = ""


@dataclass
class Verdict:
    """What is known of one Function."""

    bugs: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    false: dict[str, str] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """The worst of it: ``bug``, ``warning`` or ``clean``."""
        return "bug" if self.bugs else "warning" if self.warnings else "clean"


def read(path: Path) -> dict[str, Verdict]:
    """The verdicts of a file, by Function; none if it is not there."""
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    return {name: Verdict(**said) for name, said in tomllib.loads(text).items()}


def write(path: Path, verdicts: dict[str, Verdict], heading: str) -> None:
    """Write a file that ``read`` reads."""
    lines = [f"# {line}" for line in heading.splitlines()]
    for name, verdict in sorted(verdicts.items()):
        lines += ["", f"[{json.dumps(name)}]"]
        if verdict.warnings:
            lines.append(f"warnings = {json.dumps(sorted(verdict.warnings))}")
        for part, said in (("bugs", verdict.bugs), ("false", verdict.false)):
            if said:
                lines.append(f"[{json.dumps(name)}.{part}]")
                lines += [
                    f"{law} = {json.dumps(why, ensure_ascii=False)}"
                    for law, why in sorted(said.items())
                ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def differences(verdicts: dict[str, Verdict], found: dict[str, Any]) -> list[str]:
    """Where what was found is not what is written down, a line each.

    Args:
        verdicts: what is written down.
        found: what check.py printed.
    """
    lines = [f"{name}: no samples, and no reason for that" for name in found["unknown"]]
    lines += [f"{name}: there is no such Function" for name in found["gone"]]
    for name, results in found["functions"].items():
        verdict = verdicts.get(name)
        if verdict is None:
            lines.append(f"{name}: has no verdict")
            continue
        lines += [f"{name}: {line}" for line in _of_function(verdict, results)]
    return lines


def _of_function(verdict: Verdict, results: dict[str, Any]) -> list[str]:
    failed, warned, slow = results["failed"], results["warning"], results["slow"].keys()
    expected = verdict.bugs.keys() | verdict.false.keys()
    lines = [f"{law} fails, new: {failed[law]}" for law in sorted(failed.keys() - expected)]
    lines += [f"{law} no longer fails" for law in sorted(expected - failed.keys() - slow)]
    new = warned.keys() - set(verdict.warnings)
    gone = set(verdict.warnings) - warned.keys() - slow
    lines += [f"{law} warns, new: {warned[law]}" for law in sorted(new)]
    lines += [f"{law} no longer warns" for law in sorted(gone)]
    for law, why in verdict.bugs.items():
        if why == UNEXPLAINED:
            lines.append(f"{law} fails, and nobody has written why: {failed.get(law, '')}")
    if results["samples"] < 2:
        lines.append(f"{results['samples']} samples; two are the least")
    return lines


def renewed(verdicts: dict[str, Verdict], found: dict[str, Any]) -> dict[str, Verdict]:
    """What was found as verdicts; reasons that are written down are kept."""
    new = {}
    for name, results in found["functions"].items():
        known = verdicts.get(name, Verdict())
        failed = results["failed"]
        new[name] = Verdict(
            {law: known.bugs.get(law, UNEXPLAINED) for law in failed if law not in known.false},
            sorted(results["warning"]),
            {law: known.false[law] for law in failed if law in known.false},
        )
    return new

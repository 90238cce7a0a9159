"""import_block: import statements in the order in which they are written."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def import_block(lines: Iterable[str]) -> str:
    """The statements, each module's names in one: Python's own first, plugrad's last.

    Args:
        lines: ``import a``, ``import a.b as c`` or ``from a import b``.
    """
    names: dict[str, set[str]] = defaultdict(set)
    groups: dict[int, list[str]] = defaultdict(list)
    for line in sorted(set(lines)):
        if line.startswith("from "):
            module, _, name = line.removeprefix("from ").partition(" import ")
            names[module].add(name)
        else:
            groups[_group(line.split()[1])].append(line)
    for module in sorted(names):
        groups[_group(module)].append(f"from {module} import {', '.join(sorted(names[module]))}")
    return "\n\n".join("\n".join(groups[group]) for group in sorted(groups)) + "\n"


def _group(module: str) -> int:
    top = module.partition(".")[0]
    return 0 if top in sys.stdlib_module_names else 2 if top == "plugrad" else 1

"""catalogue: the pages of the ops, one a category and one a pack, from what is registered."""

from __future__ import annotations

import importlib
import inspect
import sys
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from plugrad.cli.describing.op_facts import OpFacts
from plugrad.docs.generator.checkout import ROOT, read_toml, source_of
from plugrad.docs.generator.tried import tried
from plugrad.plugins.default import make_manager, make_registry
from plugrad.plugins.packs import PackRegistry
from plugrad.plugins.registered_op import BUILTIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.plugins.registered_op import RegisteredOp

INDEX = """\
# The op catalogue

The {{ count }} ops that this repository has, as they are registered: {{ builtin }} are built in,
{{ count - builtin }} come with the packs in `packs/`. A category is the folder of `ops/` that an op
is written in; a pack's ops are reached as `x.<pack>.<op>()`, and as `x.<op>()` where no other op
has the name. `list(plugrad.registry)` gives what is registered in a program, `plugrad ops` what is
installed.
{% for title, file, entries in categories %}

## {{ title }}

{% for entry in entries %}
[`{{ entry.plain_name }}`]({{ file }}#{{ anchor(entry) }}){{ "" if loop.last else " ·" }}
{% endfor %}
{% endfor %}
"""

_TITLES = {"linalg": "Linear algebra", "segment": "Groups", "special": "Special functions"}

PAGE = """\
# {{ title }}

{{ text }}
{% for entry in entries %}

## `{{ entry.name }}` { #{{ anchor(entry) }} data-toc-label="{{ entry.plain_name }}" }

{% set op = facts(entry) %}
```python
{{ op.signature }}
```

```text
{{ op.formula }}
```

{% for name, value in told(op) %}
- {{ name }}: {{ value }}
{% endfor %}
{% endfor %}
"""


def catalogue() -> dict[str, str]:
    """The pages by their file in the folder ``ops``."""
    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.globals.update(anchor=_anchor, facts=OpFacts, told=_facts)
    entries = _entries()
    categories = [
        (*_title(category), list(found))
        for category, found in groupby(sorted(entries, key=_order), key=_category)
    ]
    builtin = sum(entry.pack == BUILTIN for entry in entries)
    pages = {
        "README.md": environment.from_string(INDEX).render(
            categories=[(title, file, found) for title, file, _, found in categories],
            count=len(entries),
            builtin=builtin,
        )
    }
    for title, file, text, found in categories:
        pages[file] = environment.from_string(PAGE).render(title=title, text=text, entries=found)
    return pages


def internal_places() -> set[str]:
    """Where in the site the ops are that people do not call, as the search's index says it."""
    return {
        f"ops/{_title(_category(entry))[1].removesuffix('.md')}.html#{_anchor(entry)}"
        for entry in _entries()
        if _is_internal(entry)
    }


def _is_internal(entry: RegisteredOp) -> bool:
    """Whether only torch's own implementations call it, as ``softmax_backward_data``."""
    if entry.pack != BUILTIN:
        return False
    if "_backward" in entry.name or entry.name.startswith("native_"):
        return True
    torch_names = OpFacts(entry).overrides
    public = [n for n in torch_names if not n.startswith("torch.ops.") and "._" not in n]
    return not (entry.attributes or public)


@cache
def _entries() -> list[RegisteredOp]:
    """The ops of a registry with the built-in ones and those of ``packs/``, installed or not."""
    registry = make_registry(make_manager())
    for path in sorted(ROOT.glob("packs/*/pyproject.toml")):
        sys.path.insert(0, str(path.parent / "src"))
        try:
            for name, module in read_toml(path)["project"]["entry-points"]["plugrad"].items():
                collected = PackRegistry(name)
                importlib.import_module(module).plugrad_register_ops(collected)
                collected.commit(registry)
        finally:
            del sys.path[0]
    return list(registry)


def _category(entry: RegisteredOp) -> tuple[str, str]:
    category = OpFacts(entry).category
    return ("", category) if category else (entry.pack, "")


def _order(entry: RegisteredOp) -> tuple[tuple[str, str], str]:
    return _category(entry), entry.name


def _title(category: tuple[str, str]) -> tuple[str, str, str]:
    """A category's title, file and what is to be said of all its ops."""
    pack, folder = category
    if not pack:
        doc = inspect.getdoc(importlib.import_module(f"plugrad.ops.{folder}")) or ""
        return _TITLES.get(folder, folder.capitalize()), f"{folder}.md", doc
    text = (
        f"The ops of the pack `{pack}`: `x.{pack}.<op>(...)`, `plugrad.ops.{pack}.<op>(x, ...)`; "
        f"and `x.<op>(...)` where no built-in op and no other pack's has the name."
    )
    return f"Pack: {pack}", f"pack-{pack}.md", text


def _anchor(entry: RegisteredOp) -> str:
    """What is unique on its page without regard to case: T and t are two ops."""
    name = entry.plain_name.replace(".", "-")
    return name.lower() + ("" if name == name.lower() else "-capital")


def _facts(facts: OpFacts) -> Iterator[tuple[str, str]]:
    """What a reader wants to know of an op besides its formula, in Markdown."""
    told = facts.as_dict()
    names = {
        "Methods": "methods",
        "In place": "inplace",
        "Properties": "properties",
        "Stands for": "overrides",
    }
    for title, key in names.items():
        if told[key]:
            yield title, ", ".join(f"`{name}`" for name in told[key])
    flags = told["flags"]
    true = [name for name, value in flags.items() if value is True and name != "differentiable"]
    true += [] if flags["differentiable"] else ["no gradient"]
    if true:
        yield "Declared", ", ".join(true)
    yield from tried(facts.entry)
    for law, reason in told["waives"].items():
        yield f"Waives [{law}](../laws/{law}.md)", reason
    source = source_of(facts.entry.module)
    yield "Source", f"[{source}](../../{source})"

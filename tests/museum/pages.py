"""The pages of ``docs/museum``, from the exhibits and from what was measured of them."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import Environment, StrictUndefined

from plugrad.testing import LAWS
from plugrad.tests.checkout import ROOT
from plugrad.tests.museum.collection import EXHIBITS, ROOMS
from plugrad.tests.museum.exhibit import Exhibit
from plugrad.tests.museum.measure import NOT_RUN

FOLDER = ROOT / "docs" / "museum"
MEASURED = ROOT / "tests" / "museum" / "measured.json"
CHECKS = ("gradcheck", "gradgradcheck", "opcheck", "plugrad")

INDEX = """\
# A museum of backward bugs

{{ total }} bugs that were in released code, or on their way into it, each written afresh as a
small `torch.autograd.Function`, `plugrad.Function` or custom op, before and after its fix. Each
links to the report. The samples are the same before and after, and what a person would write.

What four checks say of them is measured by a script: `torch.autograd.gradcheck`,
`torch.autograd.gradgradcheck` and `torch.library.opcheck` with their defaults, and
`plugrad.testing.check_op`. A cell says what the check does before and after the fix: it should fail
and then pass.

| | {{ checks | join(" | ") }} |
|---|{{ "---|" * checks | length }}
| bugs found | {% for c in checks %}{{ found[c] }} of {{ ran[c] }} | {% endfor %}

| fixed code that fails | {% for c in checks %}{{ alarms[c] }} of {{ ran[c] }} | {% endfor %}

{% for room in rooms %}

## {{ room.title }}

[The exhibits]({{ room.name }}.md), with their code.

| bug | report | {{ checks | join(" | ") }} |
|---|---|{{ "---|" * checks | length }}
{% for e in room.exhibits %}
| [{{ e.name }}]({{ room.name }}.md#{{ slug(e.name) }}) | [{{ e.number }}]({{ e.link }}) \
{% for c in checks %}| {{ cell(e, c) }} {% endfor %}|
{% endfor %}
{% endfor %}
"""

ROOM = """\
# {{ room.title }}

{{ room.text }}

{% for e in room.exhibits %}
## {{ e.name }}

[{{ e.number }}]({{ e.link }}). {{ e.what }}

Before:

```python
{{ e.sources()[0] }}
```

After:

```python
{{ e.sources()[1] }}
```

| | {{ checks | join(" | ") }} |
|---|{{ "---|" * checks | length }}
| before | {% for c in checks %}{{ said[e.name].before[c] }} | {% endfor %}

| after | {% for c in checks %}{{ said[e.name].after[c] }} | {% endfor %}


plugrad on the code before the fix:

{% for law, message in laws(e) %}
- {{ law }}: {{ message }}
{% endfor %}

{% endfor %}
Written as {{ kinds }} in [{{ module }}](../../{{ module }}).
"""


def pages(said: dict[str, Any]) -> dict[str, str]:
    """Each page of the folder by its name; ``said`` has what was measured of each exhibit."""
    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    tools = {"checks": CHECKS, "said": said, "slug": slug}
    index = environment.from_string(INDEX).render(
        rooms=ROOMS,
        total=len(EXHIBITS),
        cell=lambda e, c: " / ".join(said[e.name][when][c] for when in ("before", "after")),
        found=_counts(said, "before", "fails"),
        alarms=_counts(said, "after", "fails"),
        ran={c: sum(said[e.name]["before"][c] != NOT_RUN for e in EXHIBITS) for c in CHECKS},
        **tools,
    )
    found = {"index.md": index.replace(f"{NOT_RUN} / {NOT_RUN}", NOT_RUN)}
    for room in ROOMS:
        found[f"{room.name}.md"] = environment.from_string(ROOM).render(
            room=room,
            laws=lambda e: _laws(e, said[e.name]["before"]["laws"]),
            kinds=" and ".join(sorted({f"`{e.kind}`" for e in room.exhibits})),
            module=f"tests/museum/{room.name.replace('-', '_')}.py",
            **tools,
        )
    return found


def slug(title: str) -> str:
    """The anchor that mkdocs gives a heading."""
    kept = re.sub(r"[^\w\s-]", "", title).strip().lower()
    return re.sub(r"[-\s]+", "-", kept)


def _counts(said: dict[str, Any], when: str, word: str) -> dict[str, int]:
    return {c: sum(said[e.name][when][c] == word for e in EXHIBITS) for c in CHECKS}


def _laws(exhibit: Exhibit, laws: dict[str, str]) -> list[tuple[str, str]]:
    # The one that says it best comes first.
    order = sorted(laws, key=lambda law: law != exhibit.law)
    return [(f"[{k}](../laws/{k}.md)" if k in LAWS else f"`{k}`", laws[k]) for k in order]

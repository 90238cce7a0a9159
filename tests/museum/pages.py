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
#: How many laws' messages a page shows of an exhibit; of the others it gives the names.
SHOWN = 3
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
| bugs found | {{ row(found) }} |
| fixed code that fails | {{ row(alarms) }} |
{% for room in rooms %}

## {{ room.title }}

[The exhibits]({{ room.name }}.md), with their code.

| bug | report | {{ checks | join(" | ") }} |
|---|---|{{ "---|" * checks | length }}
{% for e in room.exhibits %}
| [{{ e.name }}]({{ room.name }}.md#{{ slug(e.name) }}) | [{{ e.number }}]({{ e.link }}) | \
{{ cells(e) }} |
{% endfor %}
{% endfor %}
"""

ROOM = """\
# {{ room.title }}

{{ room.text }}

{% for e in room.exhibits %}
## {{ e.name }}

[{{ e.number }}]({{ e.link }}). {{ e.what }}

{% if e.forward() %}
```python
{{ e.forward() }}
```

{% endif %}
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
| before | {{ verdicts(e, "before") }} |
| after | {{ verdicts(e, "after") }} |

{% if e.unseen %}
plugrad does not see it yet: {{ e.unseen }}.
{% else %}
plugrad on the code before the fix:

{% for law, message in messages(e) %}
- {{ law }}: {{ message }}
{% endfor %}
{% endif %}
{% if others(e) %}
- also {{ others(e) | join(", ") }}
{% endif %}

{% endfor %}
Written as {{ kinds }} in [{{ module }}](../../{{ module }}).
"""


def pages(said: dict[str, Any]) -> dict[str, str]:
    """Each page of the folder by its name; ``said`` has what was measured of each exhibit."""
    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    ran = {c: sum(said[e.name]["before"][c] != NOT_RUN for e in EXHIBITS) for c in CHECKS}
    found = {
        "index.md": environment.from_string(INDEX).render(
            rooms=ROOMS,
            total=len(EXHIBITS),
            checks=CHECKS,
            slug=slug,
            row=lambda counts: " | ".join(f"{counts[c]} of {ran[c]}" for c in CHECKS),
            cells=lambda e: " | ".join(_cell(said[e.name], c) for c in CHECKS),
            found=_counts(said, "before"),
            alarms=_counts(said, "after"),
        )
    }
    for room in ROOMS:
        found[f"{room.name}.md"] = environment.from_string(ROOM).render(
            room=room,
            checks=CHECKS,
            verdicts=lambda e, when: " | ".join(said[e.name][when][c] for c in CHECKS),
            messages=lambda e: _messages(e, said[e.name]["before"]["laws"])[:SHOWN],
            others=lambda e: [
                law for law, _ in _messages(e, said[e.name]["before"]["laws"])[SHOWN:]
            ],
            kinds=" and ".join(sorted({f"`{e.kind}`" for e in room.exhibits})),
            module=f"tests/museum/{room.name.replace('-', '_')}.py",
        )
    return found


def slug(title: str) -> str:
    """The anchor that mkdocs gives a heading."""
    kept = re.sub(r"[^\w\s-]", "", title).strip().lower()
    return re.sub(r"[-\s]+", "-", kept)


def _cell(said: dict[str, Any], check: str) -> str:
    both = [said[when][check] for when in ("before", "after")]
    return NOT_RUN if NOT_RUN in both else " / ".join(both)


def _counts(said: dict[str, Any], when: str) -> dict[str, int]:
    return {c: sum(said[e.name][when][c] == "fails" for e in EXHIBITS) for c in CHECKS}


def _messages(exhibit: Exhibit, laws: dict[str, str]) -> list[tuple[str, str]]:
    # The law that says it best comes first.
    order = sorted(laws, key=lambda law: law != exhibit.law)
    return [(f"[{k}](../laws/{k}.md)" if k in LAWS else f"`{k}`", laws[k]) for k in order]

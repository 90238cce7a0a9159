"""The pages of ``docs/laws``: for each law why there is one, and a wrong op that it catches.

``python -m plugrad.tests.controls.law_pages`` writes them, and the wrong ops into the file that
``plugrad explain`` reads.
"""

from __future__ import annotations

import importlib
import inspect
import json
from itertools import groupby

import pytest
from jinja2 import Environment, StrictUndefined

from plugrad.cli.describing.explanation import JUDGED, WRONG_OPS
from plugrad.testing import LAWS, check_op
from plugrad.tests.checkout import ROOT

FOLDER = ROOT / "docs" / "laws"
PACKAGED = ROOT / "cli" / "describing" / WRONG_OPS

INDEX = """\
# The laws

A law is a statement that must be true of every op. There are {{ count }}. Each runs on each sample,
or once on the op where its page says so; the op's author writes no test. The page also has a wrong
op that the law catches. `plugrad explain LAW` prints a law's page, `plugrad explain` lists all.

A law that an op breaks on purpose is waived where the op is written, with a reason that is counted
and printed: `@op(..., waives={"law": "reason"})`, or for one sample
`Sample(...).waive("law", "reason")`. A waiver that is not needed fails the law
[waivers](waivers.md).

If a sample cannot even be called, or the engine refuses its gradients, that is reported once: by
[runs](runs.md) or [gradient-form](gradient-form.md). The other laws then say that they do not
apply.
{% for family, laws in families %}

## {{ family | capitalize }}

| law | why |
|---|---|
{% for law in laws %}
| [{{ law.id }}]({{ law.id }}.md) | {{ law.why }} |
{% endfor %}
{% endfor %}
"""

PAGE = """\
# {{ law.id }}

**{{ law.why }}**

{{ text }}

Family: {{ law.family }}. It judges {{ judged }}.
It runs {{ "once on the op" if law.whole_op else "on each sample" }}:
`plugrad check OP --law {{ law.id }}`. Written in [{{ module }}](../../{{ module }}).

## A wrong op that it catches

From [{{ control }}](../../{{ control }}): {{ summary }}

```python
{{ source }}
```

It says:

```text
{{ message }}
```
{% if also %}

Other laws catch it too, since they must:

{% for name, reason in also %}
- [{{ name }}]({{ name }}.md): {{ reason }}
{% endfor %}
{% endif %}
"""


def pages(messages):
    """Each page of the folder by its name; ``messages`` has for each law what it says."""
    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    families = [(f, list(laws)) for f, laws in groupby(LAWS, lambda law: law.family)]
    index = environment.from_string(INDEX).render(count=len(LAWS), families=families)
    found = {"README.md": index}
    for law in LAWS:
        name = law.id.replace("-", "_")
        control = importlib.import_module(f"plugrad.tests.controls.wrong.{name}")
        doc = inspect.cleandoc(law.check.__doc__ or "").partition("\n\n")[2]
        found[f"{law.id}.md"] = environment.from_string(PAGE).render(
            law=law,
            judged=JUDGED[law.engines],
            text=doc.strip(),
            module="/".join(law.check.__module__.split(".")[1:]) + ".py",
            control=f"tests/controls/wrong/{name}.py",
            **_wrong_op(control, messages[law.id]),
        )
    return found


def packaged(messages):
    """The text of the file in the wheel: the wrong op of each law, and what is said of it."""
    found = {}
    for law in LAWS:
        control = importlib.import_module(
            f"plugrad.tests.controls.wrong.{law.id.replace('-', '_')}"
        )
        wrong = _wrong_op(control, messages[law.id])
        found[law.id] = {**wrong, "also": dict(wrong["also"])}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _wrong_op(control, message):
    return {
        "summary": control.__doc__.partition(":")[2].strip(),
        "source": _source(control.Wrong),
        "message": message,
        "also": sorted(getattr(control, "ALSO", {}).items()),
    }


def _source(wrong):
    wrong = getattr(wrong, "_init_fn", wrong)  # of a custom op, its function
    function = getattr(wrong, "function", wrong)  # of an entry of a registry, the class
    return inspect.getsource(function).rstrip()


def messages():
    """What each law says of its wrong op."""
    found = {}
    for law in LAWS:
        control = importlib.import_module(
            f"plugrad.tests.controls.wrong.{law.id.replace('-', '_')}"
        )
        found[law.id] = message(control, law.id)
    return found


def message(control, law):
    """The first thing that ``law`` says of a control's wrong op."""
    with _prepared(control):
        report = check_op(control.Wrong, laws=[law], **getattr(control, "TOLD", {}))
    broken = ("failed", "warning")
    text = next(r.message for r in report if r.law == law and r.status in broken)
    return text.replace(str(ROOT) + "/", "")


class _prepared:
    """Where a control needs something around it (another registry, say), that it is there."""

    def __init__(self, control):
        self._patch, self._control = pytest.MonkeyPatch(), control

    def __enter__(self):
        getattr(self._control, "prepare", lambda _: None)(self._patch)

    def __exit__(self, *error):
        self._patch.undo()


if __name__ == "__main__":
    said = messages()
    found = pages(said)
    PACKAGED.write_text(packaged(said), encoding="utf-8")
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.md"):
        old.unlink()
    for file, text in found.items():
        (FOLDER / file).write_text(text, encoding="utf-8")

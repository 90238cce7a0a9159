"""A notebook has its page's words, programs and output, in their order."""

from __future__ import annotations

import json

import pytest

from plugrad.docs.generator.notebook import PAGES, notebook
from plugrad.tests.checkout import ROOT
from plugrad.tests.docs.page import blocks_of, printed_by

PAGE = """\
# Title

Words.

```python
print(1)


print(2)
```

```text
1
2
```

```bash
ls
```

```python
x = 1
```
"""


def test_each_program_is_a_cell_with_what_it_prints():
    made = json.loads(notebook(PAGE))
    kinds = [(cell["cell_type"], "".join(cell["source"])) for cell in made["cells"]]
    assert kinds == [
        ("markdown", "# Title\n\nWords."),
        ("code", "print(1)\n\n\nprint(2)"),
        ("markdown", "```bash\nls\n```"),
        ("code", "x = 1"),
    ]
    first, last = (cell for cell in made["cells"] if cell["cell_type"] == "code")
    assert first["outputs"] == [{"name": "stdout", "output_type": "stream", "text": ["1\n", "2\n"]}]
    assert last["outputs"] == []
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 4)


@pytest.mark.parametrize("page", PAGES)
def test_the_notebook_is_the_pages(page):
    path = ROOT / page
    written = path.with_suffix(".ipynb").read_text(encoding="utf-8")
    run_this = "run python -m plugrad.docs.generator.notebook"
    assert written == notebook(path.read_text(encoding="utf-8")), run_this


@pytest.mark.parametrize("page", PAGES)
def test_the_notebooks_cells_run_one_after_the_other(page, tmp_path):
    # What they print is compared by the test of the page, whose programs they are.
    made = json.loads((ROOT / page).with_suffix(".ipynb").read_text(encoding="utf-8"))
    cells = ["".join(c["source"]) for c in made["cells"] if c["cell_type"] == "code"]
    assert cells == [b.text.rstrip("\n") for b in blocks_of(ROOT / page) if b.language == "python"]
    assert len(printed_by(cells[:2], tmp_path)) == 2

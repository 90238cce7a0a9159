"""Write docs/faults.md: what torch's gradcheck and plugrad's check_op say of the faults.

python -m plugrad.tests.controls.compare_with_torch > docs/faults.md
"""

from __future__ import annotations

import re
import sys

import torch

from plugrad.core.sample import SampleMaker
from plugrad.testing import check_op
from plugrad.tests.controls.ten_faults import (
    TEN_FAULTS,
    CorrectRelu,
    OnePercentInOneElement,
    torch_twin,
)

HEAD = """\
# Ten faults that torch's gradcheck passes

Each row is an op from [`tests/controls/ten_faults.py`](../tests/controls/ten_faults.py). The same
forward and backward run as a `torch.autograd.Function` and as a `plugrad.Function`, on the same
samples. torch's columns are `torch.autograd.gradcheck` with its defaults and with
`fast_mode=True`; ours is `plugrad.testing.check_op(op)`. The last two rows are a fault that only
the fast mode passes, and a correct op that gradcheck fails.

This page is written by a script, and a test compares the two:
`python -m plugrad.tests.controls.compare_with_torch > docs/faults.md`.

"""


def gradcheck(function, **options):
    """Whether ``torch.autograd.gradcheck`` passes the twin on every sample."""
    twin = torch_twin(function)
    for sample in function.samples(SampleMaker(0)):
        inputs = tuple(tensor.clone().requires_grad_() for tensor in sample.args)
        # The fast mode draws directions; the same ones each time.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            if not torch.autograd.gradcheck(twin.apply, inputs, raise_exception=False, **options):
                return False
    return True


def row(function):
    """One line of the table."""
    failures = check_op(function).failures
    cells = [title(function), said(gradcheck(function)), said(gradcheck(function, fast_mode=True))]
    laws = dict.fromkeys(failure.law for failure in failures)
    if function.law in laws:
        laws = {function.law: None, **laws}
    first = next((f.message for f in failures if f.law == next(iter(laws))), "")
    cells += ["caught by " + ", ".join(f"`{law}`" for law in laws) if laws else "passes"]
    cells += [brief(first)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def title(function):
    """The name of a fault in words, and its docstring."""
    name = re.sub(r"(?<!^)(?=[A-Z])", " ", function.__name__).lower()
    return f"**{name}**: {' '.join(function.__doc__.split())}"


def said(passed):
    """A result of gradcheck in a word."""
    return "passes" if passed else "fails"


def brief(message):
    """The first line of a message, without places in files and with few digits.

    So the page is the same on every machine.
    """
    message = re.sub(r" \([^()]*\.py:\d+\)", "", message.splitlines()[0] if message else "")
    return re.sub(r"\d+\.\d{4,}(e-?\d+)?", lambda n: f"{float(n[0]):.3g}", message)


def page():
    """All of docs/faults.md."""
    title = ("op", "gradcheck", "fast mode", "plugrad", "what plugrad says")
    lines = [f"| {' | '.join(title)} |", "|---" * len(title) + "|"]
    lines += [row(f) for f in (*TEN_FAULTS, OnePercentInOneElement, CorrectRelu)]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())

"""compare: a program on torch and on plugrad side by side, and the first thing that differs."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from plugrad.tests.fuzz import rules_of_refusals, rules_of_values, rules_of_views  # noqa: F401
from plugrad.tests.fuzz.explain import explanation
from plugrad.tests.fuzz.program import targets
from plugrad.tests.fuzz.session import (
    base_name,
    crashes_torch,
    facts,
    is_usable,
    kept_grad,
    plugrad_session,
    raw,
    torch_session,
    unchanged_world,
)

#: Relative to the largest element: for sums in another order, over the steps of a program.
_TOLERANCE = {
    torch.float64: 1e-9,
    torch.complex128: 1e-9,
    torch.float32: 1e-3,
    torch.complex64: 1e-3,
    torch.float16: 5e-2,
    torch.bfloat16: 2e-1,
}


@dataclass(frozen=True)
class Difference:
    """Where the engines part: after which line, in what, and how."""

    index: int
    line: str
    #: raises, values, names, objects, log, or the name of one of the Facts.
    what: str
    #: The value it was seen on; for raises the line's.
    name: str
    torch: object
    plugrad: object
    detail: str = ""

    def __str__(self):
        return (
            f"after line {self.index}, {self.line!r}: {self.what} of {self.name or 'the line'} "
            f"{'differ' if self.what == 'values' else 'differs'}\n"
            f"  torch:   {self.torch}\n  plugrad: {self.plugrad}"
            + (f"\n  {self.detail}" if self.detail else "")
        )


@dataclass(frozen=True)
class Verdict:
    """What a comparison found; ``reason`` is set where a rule says that it is on purpose."""

    difference: Difference | None = None
    reason: str = ""

    @property
    def unexplained(self):
        return self.difference is not None and not self.reason


def compare(program):
    """Run ``program`` on both engines until they differ."""
    with unchanged_world():
        theirs, ours = torch_session(), plugrad_session()
        try:
            results = set()  # of grad: torch returns one object for two inputs, and may
            for index, line in enumerate(program.lines):
                results.update(targets(line) if "grad" in line else ())
                if crashes_torch(theirs, line):
                    continue
                look = program.watched or index == len(program.lines) - 1
                found = _after(index, line, theirs, ours, results if look else None)
                if found is not None:
                    return Verdict(found, explanation(found, theirs, ours))
            return Verdict()
        finally:
            theirs.close()
            ours.close()


def _after(index, line, theirs, ours, results):
    """Run one line on both and compare; all there is to see, unless ``results`` is None."""

    def differ(what, name, a, b, detail=""):
        return Difference(index, line, what, name, a, b, detail)

    expected, got = theirs.run(line), ours.run(line)
    if not _same_error(expected, got):
        return differ("raises", "", _error(expected), _error(got))
    # A hook's gradient is compared at once, so that rules know the line that it came with.
    found = _log_difference(differ, theirs, ours)
    if found is not None or results is None:
        return found
    try:
        return _seen(differ, theirs, ours, results)
    except Exception as error:  # whatever it is, what is asked here always has an answer
        return differ("facts", "", "an answer", _error(error))


def _seen(differ, theirs, ours, results):
    a, b = theirs.live(), ours.live()
    if a.keys() != b.keys():
        return differ("names", "", sorted(a.keys() - b.keys()), sorted(b.keys() - a.keys()))
    allowed = _allowed(a.values())
    for name in a:
        usable = is_usable(a[name]), is_usable(b[name])
        if usable[0] != usable[1]:
            return differ("usable", name, *usable)
        if not usable[0]:
            continue
        changes = theirs.changes(name), ours.changes(name)
        for field, pair in _facts_that_differ(a[name], b[name], changes):
            if name not in results or field in _FACTS_OF_RESULTS:
                return differ(field, name, *pair)
        bases = base_name(a[name], a), base_name(b[name], b)
        # Behind one without a name is a value inside of a function of torch's, or of ours; and
        # whether one gradient is a view of another is up to the formulas.
        if bases[0] != bases[1] and None not in bases and results.isdisjoint({name, *bases}):
            return differ("base", name, *bases)
        for what, x, y in _numbers(name, a[name], b[name]):
            problem = _mismatch(x, y, what, allowed)
            if problem:
                return differ("values", what, x, y, problem)
    if _partition(a, results) != _partition(b, results):
        return differ("objects", "", _partition(a, results), _partition(b, results))
    return None


# How a gradient came about, hence of which node it is which output, is up to the formulas.
_FACTS_OF_RESULTS = {"requires_grad", "is_leaf", "retains_grad"}


def _numbers(name, a, b):
    yield name, raw(a), raw(b)
    yield f"{name}.grad", kept_grad(a), kept_grad(b)


def _facts_that_differ(a, b, changes):
    first, second = asdict(facts(a)), asdict(facts(b))
    first["version"], second["version"] = changes
    for field in first:
        if first[field] != second[field] and None not in {first[field], second[field]}:
            yield field, (first[field], second[field])


def _log_difference(differ, theirs, ours):
    """By hook: which of two values' hooks runs first is up to the order of the walk."""
    # torch calls a hook with None for an output that got no gradient, ours only a prehook.
    allowed = _allowed(theirs.live().values())
    theirs, ours = theirs.log, ours.log
    for log in (theirs, ours):
        log[:] = [entry for entry in log if entry[1] is not None]
    labels = [label for label, _ in theirs], [label for label, _ in ours]
    if sorted(labels[0]) != sorted(labels[1]):
        return differ("log", "", *labels)
    for (label, x), (_, y) in zip(
        *(sorted(log, key=_label) for log in (theirs, ours)), strict=True
    ):
        problem = _mismatch(raw(x), raw(y), label, allowed)
        if problem:
            return differ("values", f"hook {label}", raw(x), raw(y), problem)
    theirs.clear()
    ours.clear()
    return None


def _label(entry):
    return entry[0]


def _mismatch(x, y, what, allowed):
    """How two tensors differ by more than rounding, in words; empty if they don't."""
    if x is None or y is None:
        return "" if x is y else "one is None"
    if x.shape != y.shape or x.dtype is not y.dtype:
        return f"{x.dtype} of {tuple(x.shape)}, {y.dtype} of {tuple(y.shape)}"
    if torch.equal(x, y):
        return ""
    x, y = (t.to(torch.complex128 if t.is_complex() else torch.float64) for t in (x, y))
    if x.is_complex():
        # inf times a complex number has its nan where the order of the products put it.
        x, y = (torch.where(torch.isfinite(t), t, torch.nan) for t in (x, y))
    finite = torch.isfinite(x)
    if not torch.equal(finite, torch.isfinite(y)):
        return f"not finite in different places of {what}"
    if not torch.equal(x[~finite].nan_to_num(7.0), y[~finite].nan_to_num(7.0)):
        return f"nan, inf or -inf in different places of {what}"
    x, y = x[finite], y[finite]
    size = float(x.abs().max()) if x.numel() else 0.0
    off = float((x - y).abs().max()) if x.numel() else 0.0
    return f"{what} is off by {off:.3g}" if off > allowed * max(size, 1e-2) else ""


def _allowed(values):
    """By the lowest precision that took part."""
    return max((_TOLERANCE.get(v.dtype, 0.0) for v in values), default=0.0)


def _partition(live, but):
    """Which names are the same object."""
    first = {}
    return [first.setdefault(id(value), name) for name, value in live.items() if name not in but]


def _same_error(expected, got):
    if expected is None or got is None:
        return expected is got
    kinds = (IndexError, TypeError, ValueError, AttributeError, RuntimeError)
    return any(isinstance(expected, kind) and isinstance(got, kind) for kind in kinds) or (
        isinstance(got, type(expected))
    )


def _error(error):
    return "nothing" if error is None else f"{type(error).__name__}: {error}"

"""Rules: the differences from torch that are on purpose, each with its reason.

A rule sees one difference and both sessions as they are when it is found. Behind an
explained difference the engines' states have parted, so the program ends there.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from plugrad.tests.fuzz.calls import is_free
from plugrad.tests.fuzz.program import targets
from plugrad.tests.fuzz.session import (
    is_usable,
    is_view_without_graph,
    kept_grad,
    raw,
    torch_session,
)

RULES = []


def explanation(difference, theirs, ours):
    """The reason of the first rule that explains ``difference``; empty if none does."""
    for reason, applies in RULES:
        if applies(difference, theirs, ours):
            return reason
    return ""


def _asked_for(session, name):
    """The value whose gradient ``name`` is, if a call of grad made it, or as v3.grad; or None."""
    if name.endswith(".grad"):
        return session.names.get(name.removesuffix(".grad"))
    line = _line_of(session, name)
    match = re.search(r"grad\(\[[^\]]*\], \[([^\]]*)\]", line)
    inputs = match[1].split(", ") if match else [""]
    return session.names.get(dict(zip(targets(line), inputs, strict=False)).get(name))


def _line_of(session, name):
    """The line that made a value; empty if none did."""
    return next((line for line in reversed(session.lines) if name in targets(line)), "")


def _hooked(session):
    """The values that have a hook, by name."""
    return set(re.findall(r"(v\d+)(?:\.grad_fn)?\.register_", session.text))


def _is_second_order(session, difference):
    """Whether the line that made what differs differentiates what a recorded backward computed."""
    last = _line_of(session, difference.name) or difference.line
    results = set()
    for line in session.lines[: session.lines.index(last)]:
        made = "create_graph=True" in line or results & set(re.findall(r"v\d+", line))
        results.update(targets(line) if made else ())
        results.update(re.findall(r"(v\d+) = v\d+\.grad", line))
    roots = re.search(r"(?:grad|backward)\(\[([^\]]*)\]|(v\d+)\.backward", last)
    used = re.findall(r"v\d+", roots[0]) if roots else []
    return not results.isdisjoint(used)


def rule(reason):
    """Register a rule with its reason."""

    def register(function):
        RULES.append((reason, function))
        return function

    return register


@rule("None stands for zeros: torch's formulas make zeros where a rule may say that none flows")
def _zeros(difference, theirs, ours):
    if difference.what == "names" and not difference.plugrad:
        nothing = all(n in ours.names and ours.names[n] is None for n in difference.torch)
        return nothing and not any(theirs.names[n].any() for n in difference.torch)
    if difference.what == "raises" and difference.torch == "nothing":
        used = re.findall(r"v\d+", difference.line)
        missing = [n for n in used if n in theirs.names and ours.names.get(n, "") is None]
        return bool(missing) and not any(theirs.names[n].any() for n in missing)
    given = difference.torch
    zeros = isinstance(given, Tensor) and difference.plugrad is None and not given.any()
    return difference.what == "values" and zeros


@rule("torch says that a view of a leaf made without a graph requires grad, but gives it none")
def _view_of_a_leaf(difference, theirs, ours):
    if difference.what == "requires_grad":
        return difference.torch and is_view_without_graph(theirs.names.get(difference.name))
    names = {"names": difference.plugrad, "values": [difference.name]}.get(difference.what, [])
    asked = [_asked_for(theirs, name) for name in names]
    nothing = difference.torch in ([], None)
    return bool(asked) and nothing and all(map(is_view_without_graph, asked))


@rule("torch says that a view of a detached base requires grad, though nothing is behind it")
def _view_of_a_detached_base(difference, theirs, ours):
    if difference.what == "requires_grad":
        return _has_detached_base(theirs.names.get(difference.name))
    if difference.torch != "nothing" or not str(difference.plugrad).startswith("NoGraphError"):
        return False
    return any(
        _has_detached_base(theirs.names.get(n)) for n in re.findall(r"v\d+", difference.line)
    )


def _has_detached_base(value):
    view = isinstance(value, Tensor) and value._is_view()
    return view and value.requires_grad and not value._base.requires_grad


@rule("torch makes the node of a view anew when its memory is changed in no_grad: what was is lost")
def _view_changed_in_no_grad(difference, theirs, ours):
    if difference.what not in {"log", "names", "values"}:
        return False
    changed = [_storage(theirs.names.get(name)) for name in _changed_in_no_grad(theirs)]
    if difference.what == "names":
        asked = [_asked_for(theirs, name) for name in difference.plugrad]
    else:
        asked = [theirs.names.get(name) for name in _hooked(theirs)]
        asked.append(_asked_for(theirs, difference.name))
    views = [v for v in asked if isinstance(v, Tensor) and v._is_view()]
    return any(_storage(view) in changed for view in views)


def _changed_in_no_grad(session):
    """The values that lines in no_grad change."""
    pattern = r"torch.no_grad\(\):\n    (?:v\d+ = )?(v\d+)(?:\.\w+_\(|\[.*\] = | [-+*/]+= )"
    return re.findall(pattern, session.text)


def _storage(value):
    return value.untyped_storage().data_ptr() if isinstance(value, Tensor) else None


@rule("the hook of a root is called, of however many roots; in torch only if there is one")
def _hook_of_a_root(difference, theirs, ours):
    roots = re.match(r".*grad\(\[([^\]]*)\]|.*backward\(\[([^\]]*)\]", difference.line, re.DOTALL)
    if not roots:
        return False
    named = set((roots[1] or roots[2]).split(", "))
    if difference.what == "values" and difference.torch is None:  # the same of retain_grad
        return difference.name.removesuffix(".grad") in named
    if difference.what != "log":
        return False
    more = set(difference.plugrad) - set(difference.torch)
    owners = {re.search(rf"{label} = (v\d+)", theirs.text)[1] for label in more}
    return bool(more) and owners <= named


@rule("whether a gradient has room for each element, or is an expanded one, is up to the formula")
def _expanded_gradient(difference, theirs, ours):
    message = "more than one element of the written-to tensor refers to a single memory location"
    texts = str(difference.torch), str(difference.plugrad)
    names = re.findall(r"v\d+", difference.line)
    made = [_line_of(theirs, name) for name in names]
    return any(message in text for text in texts) and any("grad" in line for line in made)


@rule("a hook is not called for a gradient that torch's formula fills with zeros")
def _hook_of_zeros(difference, theirs, ours):
    if difference.what != "log" or set(difference.plugrad) - set(difference.torch):
        return False
    called = [label for label, _ in ours.log]
    more = [g for label, g in theirs.log if label not in called]
    return bool(more) and not any(g.any() for g in more)


@rule("a prehook sees zeros for an output that got no gradient, where torch has None")
def _prehook_of_zeros(difference, theirs, ours):
    if difference.what != "log" or set(difference.torch) - set(difference.plugrad):
        return False
    more = [g for label, g in ours.log if label not in difference.torch]
    return bool(more) and not any(raw(g).any() for g in more)


@rule("torch takes the derivative of x ** y by x for a constant where y is 0")
def _power_of_zero(difference, theirs, ours):
    powers = re.search(r"pow|\*\*", theirs.text)
    if difference.what != "values" or not powers or not _is_second_order(theirs, difference):
        return False
    return any(bool((raw(v) == 0).any()) for v in theirs.live().values())


@rule("torch asks whether a view is a leaf before it makes the view's node anew")
def _stale_leaf(difference, theirs, ours):
    message = "a leaf Variable that requires grad is being used in an in-place operation"
    used = [theirs.names.get(name) for name in re.findall(r"v\d+", difference.line)]
    stale = any(isinstance(v, Tensor) and v._is_view() and not v._base.is_leaf for v in used)
    return difference.plugrad == "nothing" and message in str(difference.torch) and stale


@rule("whether what is not finite is inf or nan depends on the order of the products")
def _not_finite(difference, theirs, ours):
    kinds = difference.detail.startswith("nan, inf or -inf")
    return difference.what == "values" and kinds and _is_second_order(theirs, difference)


@rule("torch says that a view of a leaf made without a graph requires grad, but cannot start there")
def _start_at_a_view_of_a_leaf(difference, theirs, ours):
    if difference.what != "raises":
        return False
    starts = difference.plugrad == "nothing" and any(
        message in str(difference.torch)
        for message in ("does not have a grad_fn", "appears to not have been used in the graph")
    )
    ends = difference.torch == "nothing" and str(difference.plugrad).startswith("NoGraphError")
    if not starts and not ends:
        return False
    return any(v.requires_grad and is_view_without_graph(v) for v in theirs.live().values())


@rule("what of a second derivative passes through a value is up to the formula: its input or it")
def _through_an_intermediate(difference, theirs, ours):
    if difference.what not in {"values", "log", "names"} or not _is_second_order(
        theirs, difference
    ):
        return False
    names = difference.torch if difference.what == "names" else [difference.name]
    inner = [_asked_for(theirs, n) for n in names] + [theirs.names.get(n) for n in _hooked(theirs)]
    return any(isinstance(v, Tensor) and is_usable(v) and v.grad_fn is not None for v in inner)


@rule("what is a view inside of torch's function is not one here")
def _hidden_view(difference, theirs, ours):
    name = (re.findall(r"v\d+", difference.line) or [""])[0]
    hidden = getattr(ours.names.get(name), "_base", "unknown") is None
    made_by_grad = "grad(" in _line_of(theirs, name)
    text = str(difference.torch)
    return ("Can't detach views in-place" in text and hidden) or (
        "view was created in no_grad mode" in text and made_by_grad
    )


@rule("the gradient of a value with a hook is what the hook made of it, also if it flows on")
def _captured_before_its_hook(difference, theirs, ours):
    asked = _asked_for(theirs, difference.name)
    hooked = [theirs.names.get(name) for name in _hooked(theirs)]
    return difference.what == "values" and any(asked is v for v in hooked if v is not None)


@rule("torch says that it does not support this; ours does")
def _unsupported(difference, theirs, ours):
    missing = (
        "does not support automatic differentiation",
        "derivative for",
        "ZeroTensors are immutable",  # how torch's own backward adds to a zero it made
        "Autograd not support dtype",  # a result of integers has no graph, here as everywhere
        "to be true, but got false",  # an assertion inside one of torch's formulas
        "not implemented for",
        "INTERNAL ASSERT FAILED",  # "please report a bug to PyTorch"
        "returned an invalid gradient",  # as scatter_add's with an index smaller than src
        "refer to a single memory location",  # ours computes as if one were cloned
        "Index put requires the source and destination dtypes match",  # ours casts, as v[0] = w
        "value cannot be converted to type",  # the same of one element
        # What was saved here knows where it came from, whatever becomes of the Variable.
        "Trying to use a saved tensor that has been detached in-place",
    )
    text = str(difference.torch)
    return (
        difference.what == "raises"
        and difference.plugrad == "nothing"
        and any(m in text for m in missing)
    )


@rule("whether a gradient requires grad where its own derivative is 0 is up to the formula")
def _constant_gradient(difference, theirs, ours):
    if difference.what != "requires_grad" or "grad(" not in _line_of(theirs, difference.name):
        return False
    if not is_free(theirs.names[difference.name]):  # of integers
        return False
    return not _depends_but_on(theirs if difference.torch else ours, difference.name, ())


@rule("None stands for zeros, also where allow_unused=True was left out")
def _unused(difference, theirs, ours):
    number = re.search(r"UnusedInputError: .* input (\d+),", str(difference.plugrad))
    if difference.what != "raises" or difference.torch != "nothing" or not number:
        return False
    return not theirs.names[targets(difference.line)[int(number[1])]].any()


@rule("whether a node saves a tensor, and so whether it can be freed, is up to the formula")
def _saved_nothing(difference, theirs, ours):
    freed = (
        "Trying to backward through the graph a second" in str(difference.torch),
        str(difference.plugrad).startswith("GraphFreedError"),
    )
    return difference.what == "raises" and any(freed)


@rule("two things are wrong with the call, and either may be named")
def _another_error(difference, theirs, ours):
    either = (
        str(difference.plugrad).startswith("InplaceError"),
        "refer to a single memory location" in str(difference.torch),
        "Index put requires" in str(difference.torch),
        "expected Tensor as element" in str(difference.plugrad),  # integers are written to
    )
    both = "nothing" not in [difference.torch, difference.plugrad]
    return difference.what == "raises" and both and any(either)


@rule("an operand overlaps what is written, so torch's result depends on the order of the elements")
def _overlap(difference, theirs, ours):
    changed, *others = re.findall(r"v\d+", difference.line)
    memory = [theirs.names[n] for n in (changed, *others) if n in theirs.names]
    storages = [_storage(v) for v in memory if isinstance(v, Tensor)]
    inplace = re.search(r"_\(|[-+*/]= |\] = ", difference.line)
    return difference.what == "values" and bool(inplace) and storages[0] in storages[1:]


@rule("a backward that raised had reached some leaves: which is up to the order of the walk")
def _half_a_backward(difference, theirs, ours):
    part = difference.what == "log" or (
        difference.what == "values" and difference.name.endswith(".grad")
    )
    return part and difference.raised and re.search(r"grad\(|backward\(", difference.line)


@rule("a call that raised wrote some elements first in torch; here it changes nothing")
def _half_a_change(difference, theirs, ours):
    return difference.what == "values" and difference.raised and "grad" not in difference.name


@rule("what holds integers never requires grad here; torch says so where it indexes with a tensor")
def _integers(difference, theirs, ours):
    refused = str(difference.plugrad).startswith(("LeafError", "NoGraphError"))
    if difference.what == "raises" and refused:
        used = [theirs.names.get(name) for name in re.findall(r"v\d+", difference.line)]
        return any(isinstance(v, Tensor) and v.requires_grad and not is_free(v) for v in used)
    value = theirs.names.get(difference.name)
    integers = isinstance(value, Tensor) and not is_free(value)
    return difference.what == "requires_grad" and integers and bool(difference.torch)


def _depends_but_on(session, name, but):
    """Whether a gradient has a derivative by a leaf that is not one of ``but``."""
    value = session.names[name]
    live = [v for v in session.live().values() if is_usable(v)]
    leaves = [v for v in live if v.is_leaf and v.requires_grad and v is not value]
    leaves = [v for v in leaves if not any(v is x for x in but)]
    grad, ones = session.names["grad"], torch.ones_like(raw(value))
    found = grad([value], leaves, [ones], retain_graph=True, allow_unused=True)
    return any(bool(raw(g).nan_to_num(0).any()) for g in found if g is not None)


@rule("a new shape in no_grad is refused for a value with a graph: its gradient has the old one")
def _new_shape(difference, theirs, ours):
    refused = "changes the shape of a Variable that an op computed" in str(difference.plugrad)
    return difference.what == "raises" and difference.torch == "nothing" and refused


@rule("a change of .data counts here; in torch it makes gradients silently wrong")
def _change_through_data(difference, theirs, ours):
    if ".data" not in theirs.text:
        return False
    if difference.what == "version":
        return difference.torch < difference.plugrad
    if difference.what == "usable":
        return difference.torch
    stricter = str(difference.plugrad).startswith(("SavedTensorChangedError", "InplaceError"))
    return difference.what == "raises" and difference.torch == "nothing" and stricter


@rule("what is saved is up to the formula; right as torch where it may change what was saved")
def _changed_what_was_not_saved(difference, theirs, ours):
    message = "modified by an inplace operation"
    if difference.plugrad != "nothing" or message not in str(difference.torch):
        return False
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        again = torch_session()
        for line in theirs.lines:
            again.run(line)
        live = again.live()
        same = live.keys() == ours.live().keys() and all(
            _close(raw(value), raw(ours.names[name]))
            and _close(kept_grad(value), kept_grad(ours.names[name]))
            for name, value in live.items()
            if is_usable(value)
        )
        again.close()
    return same


def _close(x, y):
    if x is None or y is None:
        return x is y
    return x.shape == y.shape and torch.allclose(x, y, rtol=1e-6, atol=1e-6, equal_nan=True)


@rule("torch has nan or loses digits at a singular point of the op, where ours has the value")
def _singular_point(difference, theirs, ours):
    singular = re.search(r"prod|pow|\*\*|norm|std|sqrt", theirs.text)
    if difference.what != "values" or not singular:
        return False
    tiny = any(_has_tiny(raw(v)) for v in theirs.live().values())
    return tiny or _only_nan_in_torch(difference)


def _has_tiny(value):
    """Whether there is a subnormal number or one whose square is: torch divides by them."""
    size = value.abs() if is_free(value) else value.new_zeros(())
    return bool(((size > 0) & (size < 1e-150)).any())


def _only_nan_in_torch(difference):
    """Whether the numbers agree wherever torch's is one."""
    a, b = difference.torch, difference.plugrad
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.shape != b.shape:
        return False
    finite = torch.isfinite(a)
    return bool(torch.allclose(a[finite], b[finite], rtol=1e-9, atol=1e-9))

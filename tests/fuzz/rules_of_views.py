"""Rules of views: where torch's answer depends on when it made a view's node, or an inner view."""

from __future__ import annotations

import re

from torch import Tensor

from plugrad.tests.fuzz.explain import CHANGE, asked_for, hooked, line_of, rule, storage
from plugrad.tests.fuzz.session import (
    is_usable,
    is_view_without_graph,
)


@rule("torch says that a view of a leaf made without a graph requires grad, but gives it none")
def _view_of_a_leaf(difference, theirs, ours):
    if difference.what == "requires_grad":
        return difference.torch and is_view_without_graph(theirs.names.get(difference.name))
    if difference.what == "raises":  # on the way there
        refused = str(difference.plugrad).startswith("SavedTensorChangedError")
        named = [theirs.names.get(name) for name in re.findall(r"v\d+", difference.line)]
        return difference.torch == "nothing" and refused and any(map(is_view_without_graph, named))
    if difference.what == "log":  # of a hook on the way there
        fewer = set(difference.torch) < set(difference.plugrad)
        return fewer and any(map(is_view_without_graph, theirs.live().values()))
    names = {"names": difference.plugrad, "values": [difference.name]}.get(difference.what, [])
    asked = [asked_for(theirs, name) for name in names]
    nothing = difference.torch in ([], None)
    return bool(asked) and nothing and all(map(is_view_without_graph, asked))


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


@rule("torch says that a view of a detached base requires grad, though nothing is behind it")
def _view_of_a_detached_base(difference, theirs, ours):
    if difference.what == "requires_grad":
        return _has_detached_base(theirs.names.get(difference.name))
    no_graph = (
        "NoGraphError",
        "AttributeError: 'NoneType'",  # a hook of the node
        "LeafError: cannot register a hook",
    )
    refused = difference.torch == "nothing" and str(difference.plugrad).startswith(no_graph)
    taken = difference.plugrad == "nothing" and "a view of a leaf Variable" in str(difference.torch)
    # Also where it was written into another value, which requires grad from then on.
    some = any(map(_has_detached_base, theirs.live().values()))
    return difference.what == "raises" and (refused or taken) and some


def _has_detached_base(value):
    view = isinstance(value, Tensor) and value._is_view()
    return view and value.requires_grad and not value._base.requires_grad


@rule("torch makes the node of a view anew when its memory is changed apart: what was is lost")
def _view_changed_apart(difference, theirs, ours):
    if difference.what not in {"log", "names", "values"}:
        return False
    changed = [storage(v) for v in _changed_apart(theirs)]
    if difference.what == "names":
        asked = [asked_for(theirs, name) for name in difference.plugrad]
    else:
        asked = [theirs.names.get(name) for name in hooked(theirs)]
        asked.append(asked_for(theirs, difference.name))
    views = [v for v in asked if isinstance(v, Tensor) and v._is_view()]
    return any(storage(view) in changed for view in views)


def _changed_apart(session):
    """The values that a line changes in no_grad, or that do not require grad."""
    in_no_grad = re.findall(rf"torch.no_grad\(\):\n    {CHANGE}", session.text)
    found = {name: session.names.get(name) for name in re.findall(CHANGE, session.text)}
    values = [(n, v) for n, v in found.items() if isinstance(v, Tensor) and is_usable(v)]
    return [v for n, v in values if n in in_no_grad or not v.requires_grad]


@rule("torch asks whether a view is a leaf before it makes the view's node anew")
def _stale_leaf(difference, theirs, ours):
    message = "a leaf Variable that requires grad is being used in an in-place operation"
    used = [theirs.names.get(name) for name in re.findall(r"v\d+", difference.line)]
    stale = any(isinstance(v, Tensor) and v._is_view() and not v._base.is_leaf for v in used)
    return difference.plugrad == "nothing" and message in str(difference.torch) and stale


@rule("what is a view inside of torch's function is not one here")
def _hidden_view(difference, theirs, ours):
    name = (re.findall(r"v\d+", difference.line) or [""])[0]
    hidden = getattr(ours.names.get(name), "_base", "unknown") is None
    made_by_grad = "grad(" in line_of(theirs, name)
    text = str(difference.torch)
    return ("Can't detach views in-place" in text and hidden) or (
        "view was created in no_grad mode" in text and made_by_grad
    )


@rule("an operand overlaps what is written, so torch's result depends on the order of the elements")
def _overlap(difference, theirs, ours):
    used = re.findall(r"v\d+", difference.line)
    memory = [theirs.names[n] for n in used if n in theirs.names]
    changed, *others = [storage(v) for v in memory if isinstance(v, Tensor)] or [None]
    inplace = re.search(r"_\(|[-+*/]= |\] = ", difference.line)
    return difference.what == "values" and bool(inplace) and changed in others


@rule("whether a gradient has room for each element, or is an expanded one, is up to the formula")
def _expanded_gradient(difference, theirs, ours):
    message = "more than one element of the written-to tensor refers to a single memory location"
    texts = str(difference.torch), str(difference.plugrad)
    names = re.findall(r"v\d+", difference.line)
    made = [line_of(theirs, name) for name in names]
    return any(message in text for text in texts) and any("grad" in line for line in made)


@rule("whether a gradient is a view, which cannot be detached in place, is up to the formula")
def _gradient_that_is_a_view(difference, theirs, ours):
    texts = str(difference.torch), str(difference.plugrad)
    one_refuses = "nothing" in texts and any("Can't detach views in-place" in t for t in texts)
    made = line_of(theirs, difference.line.removesuffix(".detach_()"))
    return one_refuses and "grad(" in made


@rule("torch keeps the gradient that retain_grad asked for in the shape of before t_ or squeeze_")
def _retained_before_a_new_shape(difference, theirs, ours):
    name, dot, _ = difference.name.rpartition(".grad")
    if difference.what != "values" or not dot:
        return False
    _, _, after = theirs.text.partition(f"{name}.retain_grad()")
    return bool(re.search(r"\.(t|transpose|swapaxes|swapdims|squeeze|unsqueeze)_\(", after))

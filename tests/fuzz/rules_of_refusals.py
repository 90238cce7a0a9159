"""Rules of refusals: where one engine raises, and the other does not or says something else."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from plugrad.tests.fuzz.calls import is_free
from plugrad.tests.fuzz.explain import CHANGE, is_gradient, line_of, rule, storage
from plugrad.tests.fuzz.session import (
    is_usable,
    kept_grad,
    raw,
    torch_session,
)


@rule("torch says that it does not support this; ours does")
def _unsupported(difference, theirs, ours):
    missing = (
        "does not support automatic differentiation",
        "derivative for",
        "is not differentiable with respect to argument",
        "ZeroTensors are immutable",  # how torch's own backward adds to a zero it made
        "Autograd not support dtype",  # a result of integers has no graph, here as everywhere
        "to be true, but got false",  # an assertion inside one of torch's formulas
        "not implemented for",
        "is invalid for input of size",  # of group_norm without weight, twice
        "triu: input tensor must have at least 2 dimensions",  # of lu_unpack without data
        "Expected a proper Tensor but got None",  # of batch norms without weight, twice
        "Negation, the `-` operator, on a bool tensor",  # of atan2 of booleans
        "addmv input tensors must have the same dtype",  # of addr with complex numbers
        "must match the size of tensor b",  # of scatter_reduce with an index smaller than src
        "old_fn INTERNAL",  # retain_grad, detach_ and a change in place
        "because the unspecified dimension size -1 can be any value",  # of no elements
        "Mask shape should match grad shape",  # in masked_softmax's second derivative
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


@rule("torch leaves out the gradient of the statistics that group_norm returns; ours has it")
def _statistics(difference, theirs, ours):
    if "native_group_norm" not in theirs.text:
        return False
    if difference.what == "raises" and difference.plugrad == "nothing":
        return "appears to not have been used in the graph" in str(difference.torch)
    if difference.what == "names":
        return not difference.torch
    if difference.what == "raises" and str(difference.plugrad).startswith("NoGraphError"):
        return difference.torch == "nothing"
    if difference.what == "requires_grad":  # they do not depend on weight and bias
        return "native_group_norm" in line_of(theirs, difference.name) and difference.torch
    if difference.what == "values":
        return is_gradient(theirs, difference.name)
    owner = theirs.names.get(difference.name.removesuffix(".grad"))
    return difference.name.endswith(".grad") and kept_grad(owner) is None


@rule("a gradient that is zero for all values may be None here, and None has no methods")
def _no_gradient(difference, theirs, ours):
    none = str(difference.plugrad).startswith("AttributeError: 'NoneType' object has no attribute")
    name = re.match(r"(?:v\d+ = )?(v\d+)\.", difference.line)
    if difference.what != "raises" or not none or not name:
        return False
    value = theirs.names.get(name[1])
    return isinstance(value, Tensor) and not value.any()


@rule("_unsafe_view gives a view here, as it is one, which may not be changed in place everywhere")
def _unsafe_view(difference, theirs, ours):
    if difference.what == "base":
        return "_unsafe_view" in line_of(theirs, difference.name)
    refused = re.search("a view of a leaf|A view was created", str(difference.plugrad))
    if difference.what != "raises" or difference.torch != "nothing" or not refused:
        return False
    return "_unsafe_view" in theirs.text


@rule("a comparison in place does not depend on its operand here; torch sends it zeros")
def _compared_in_place(difference, theirs, ours):
    no_graph = ("NoGraphError", "AttributeError: 'NoneType'")  # a hook of the node
    refused = str(difference.plugrad).startswith(no_graph) and difference.torch == "nothing"
    names = r"eq|ne|gt|ge|lt|le|not_equal|(greater|less)(_equal)?|logical_\w+"
    compared = re.search(rf"\.({names})_\(", theirs.text)
    return bool(compared) and (
        (difference.what == "raises" and refused)
        or (difference.what == "requires_grad" and bool(difference.torch))
    )


@rule(
    "what is added up in memory that overlaps is up to the order: torch sees it in expanded views"
)
def _overlapping_windows(difference, theirs, ours):
    refused = "refers to a single memory location" in str(difference.plugrad)
    return refused and difference.torch == "nothing" and ".unfold(" in theirs.text


@rule("addbmm_ and its like change no shape here; torch resizes what is added to")
def _resizing_sum(difference, theirs, ours):
    refused = "doesn't match the broadcast shape" in str(difference.plugrad)
    resizes = re.search(r"\.(addbmm|addmm|addmv|addr|baddbmm)_\(", difference.line)
    return difference.what == "raises" and difference.torch == "nothing" and refused and resizes


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


@rule("whether a node saves a tensor, and so whether it can be freed, is up to the formula")
def _saved_nothing(difference, theirs, ours):
    freed = (
        "Trying to backward through the graph a second" in str(difference.torch),
        str(difference.plugrad).startswith("GraphFreedError"),
    )
    return difference.what == "raises" and any(freed)


@rule("a call that raised wrote some elements first in torch; here it changes nothing")
def _half_a_change(difference, theirs, ours):
    if difference.what != "values" or difference.name.endswith(".grad"):
        return False
    raised = "\n".join([theirs.lines[number] for number in theirs.raised & ours.raised])
    changed = [storage(theirs.names.get(name)) for name in re.findall(CHANGE, raised)]
    return storage(theirs.names.get(difference.name)) in set(changed) - {None}


@rule("what holds integers never requires grad here; torch says so where it indexes with a tensor")
def _integers(difference, theirs, ours):
    refused = str(difference.plugrad).startswith(("LeafError", "NoGraphError"))
    if difference.what == "raises" and refused:
        used = [theirs.names.get(name) for name in re.findall(r"v\d+", difference.line)]
        return any(isinstance(v, Tensor) and v.requires_grad and not is_free(v) for v in used)
    value = theirs.names.get(difference.name)
    integers = isinstance(value, Tensor) and not is_free(value)
    return difference.what == "requires_grad" and integers and bool(difference.torch)


@rule("a new shape in no_grad is refused where a gradient has the old one")
def _new_shape(difference, theirs, ours):
    refused = re.search("changes the shape or strides of a Variable", str(difference.plugrad))
    return difference.what == "raises" and difference.torch == "nothing" and bool(refused)


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
        for number, line in enumerate(theirs.lines):
            if line is theirs.lines[-1] or number not in theirs.raised:  # now it might not
                again.run(line)
        live = again.live()
        exact = all(v.dtype in {torch.float64, torch.complex128} for v in live.values())
        same = live.keys() == ours.live().keys() and all(
            _close(raw(value), raw(ours.names[name]), exact)
            and _close(kept_grad(value), kept_grad(ours.names[name]), exact)
            for name, value in live.items()
            if is_usable(value)
        )
        again.close()
    return same


def _close(x, y, exact):
    if x is None or y is None:
        return x is y
    most = 1e-6 if exact else 1e-2
    return x.shape == y.shape and torch.allclose(x, y, rtol=most, atol=most, equal_nan=True)


@rule("integers take what requires grad, in any view: no gradient could be lost")
def _written_to_integers(difference, theirs, ours):
    message = "A view was created in no_grad mode"
    changed = re.search(CHANGE, difference.line)
    written = theirs.names.get(changed[1]) if changed else None
    integers = isinstance(written, Tensor) and not is_free(written)
    return difference.plugrad == "nothing" and message in str(difference.torch) and integers


@rule("torch before 2.8 computes ldexp_ by a function with out=, which it does not differentiate")
def _by_out(difference, theirs, ours):
    refused = "functions with out=... arguments don't support automatic differentiation"
    return (
        difference.what == "raises"
        and refused in difference.torch
        and ".ldexp_(" in difference.line
    )


@rule("what changes nothing counts as a change in torch: conj_physical_ of a real number")
def _unchanged(difference, theirs, ours):
    return difference.what in ("version", "output_nr") and "conj_physical_" in difference.line


@rule("detach_ forgets retain_grad; torch says that it does not, and raises an internal error then")
def _detached_retained(difference, theirs, ours):
    name = difference.name
    return difference.what == "retains_grad" and f"{name}.detach_()" in theirs.text


@rule("a value is changed in place by itself: torch reads the operand that it has overwritten")
def _changed_by_itself(difference, theirs, ours):
    message = "modified by an inplace operation"
    by_itself = re.search(r"(v\d+) [*/]+= \1\b|(v\d+)\.\w+_\(\2\b", theirs.text)
    return difference.plugrad == "nothing" and message in str(difference.torch) and by_itself


@rule("torch's zeros of sgn, which nothing is computed of, leave out nan")
def _zeros_of_sgn(difference, theirs, ours):
    message = "modified by an inplace operation"  # or the values would have been explained
    nan = any(bool(raw(v).isnan().any()) for v in theirs.live().values())
    refused = difference.plugrad == "nothing" and message in str(difference.torch)
    return refused and ".sgn" in theirs.text and nan


@rule("the operand is saved, where torch's formula saves what it made of it: a refusal more")
def _saved_the_operand(difference, theirs, ours):
    ops = r"(div|hypot|matmul|einsum|nn\.functional\.(linear|mse_loss|rms_norm|batch_norm)) saved"
    refused = str(difference.plugrad).startswith("SavedTensorChangedError")
    return refused and difference.torch == "nothing" and re.search(ops, str(difference.plugrad))


@rule("torch asks an unusable view, which a node saved, where it came from; here that is known")
def _saved_an_unusable_view(difference, theirs, ours):
    message = "its base or another view of its base has been modified inplace"
    if difference.plugrad != "nothing" or message not in str(difference.torch):
        return False
    named = [ours.names.get(name) for name in re.findall(r"v\d+", difference.line)]
    walks = re.search(r"grad\(|backward\(", difference.line)
    return bool(walks) and all(v is None or is_usable(v) for v in named)


@rule("a logical op in place cuts the graph; in torch the gradient flows on as if it had not run")
def _logical_in_place(difference, theirs, ours):
    return difference.what in {"raises", "values", "names", "log"} and bool(
        re.search(r"\.logical_\w+_\(", theirs.text)
    )


@rule("an expanded view is not changed through an index; torch warns, and its backward raises")
def _indexed_expanded(difference, theirs, ours):
    refused = "refers to a single memory location" in str(difference.plugrad)
    return refused and difference.torch == "nothing" and "] = " in difference.line

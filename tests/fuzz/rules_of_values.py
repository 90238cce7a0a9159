"""Rules of values: where a gradient, or what a hook is given, differs from torch on purpose."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from plugrad.core.installed_torch import torch_before
from plugrad.tests.fuzz.calls import is_free
from plugrad.tests.fuzz.explain import (
    CHANGE,
    asked_for,
    hooked,
    is_gradient,
    is_second_order,
    line_of,
    rule,
)
from plugrad.tests.fuzz.program import targets
from plugrad.tests.fuzz.session import (
    is_usable,
    raw,
)


@rule("None stands for zeros: torch's formulas make zeros where a rule may say that none flows")
def _zeros(difference, theirs, ours):
    if difference.what == "names" and not difference.plugrad:
        nothing = all(n in ours.names and ours.names[n] is None for n in difference.torch)
        return nothing and not any(theirs.names[n].any() for n in difference.torch)
    if difference.what == "names" and not difference.torch:
        return not any(raw(ours.names[n]).nan_to_num(0).any() for n in difference.plugrad)
    if difference.what == "raises" and difference.torch == "nothing":
        used = re.findall(r"v\d+", difference.line)
        missing = [n for n in used if n in theirs.names and ours.names.get(n, "") is None]
        return bool(missing) and not any(theirs.names[n].any() for n in missing)
    given = [v for v in (difference.torch, difference.plugrad) if v is not None]
    zeros = len(given) == 1 and isinstance(given[0], Tensor) and not given[0].any()
    return difference.what == "values" and zeros


@rule("before 2.13, zeros that torch's grad made of no gradient required grad, asked or not")
def _zeros_that_require_grad(difference, theirs, ours):
    made = [n for line in theirs.lines if "materialize_grads=True" in line for n in targets(line)]
    return torch_before("2.13") and any(
        theirs.names[n].requires_grad and not ours.names[n].requires_grad
        for n in made
        if n in theirs.names and ours.names.get(n) is not None
    )


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


@rule("the hook of a root is called, of however many roots; in torch only if there is one")
def _hook_of_a_root(difference, theirs, ours):
    roots = re.match(r".*grad\(\[([^\]]*)\]|.*backward\(\[([^\]]*)\]", difference.line, re.DOTALL)
    if not roots:
        return False
    named = set((roots[1] or roots[2]).split(", "))
    if difference.what == "values" and difference.name.endswith(".grad"):  # of retain_grad
        return difference.name.removesuffix(".grad") in named
    if difference.what != "log":
        return False
    more = set(difference.plugrad) - set(difference.torch)
    owners = {re.search(rf"{label} = (v\d+)", theirs.text)[1] for label in more}
    return bool(more) and owners <= named


@rule("the gradient of a value with a hook is what the hook made of it, also if it flows on")
def _captured_before_its_hook(difference, theirs, ours):
    asked = asked_for(theirs, difference.name)
    if difference.what != "values" or not isinstance(asked, Tensor) or asked.is_leaf:
        return False
    return any(asked is theirs.names.get(name) for name in hooked(theirs))


@rule("torch takes the derivative of x ** y by x for a constant where y is 0")
def _power_of_zero(difference, theirs, ours):
    powers = re.search(r"pow|\*\*", theirs.text)
    if difference.what != "values" or not powers or not is_second_order(theirs, difference):
        return False
    return any(bool((raw(v) == 0).any()) for v in theirs.live().values())


@rule("whether what is not finite is inf or nan depends on the order of the products")
def _not_finite(difference, theirs, ours):
    if difference.what != "values" or not is_second_order(theirs, difference):
        return False
    kinds = difference.detail.startswith("nan, inf or -inf")
    return kinds or _only_nan_in_torch(difference)


@rule("nan or inf arrives where a kernel sees padding only: times 0 it is nan, or it is left out")
def _nan_of_padding(difference, theirs, ours):
    not_finite = difference.detail.startswith(("nan, inf or -inf", "not finite"))
    line = line_of(theirs, difference.name) or difference.line
    arrives = re.search(r"grad\(.*(nan|inf)|backward\(.*(nan|inf)", line)
    padded = re.search("conv|grid_sampler", theirs.text)
    arrives = arrives or "grid_sampler" in theirs.text  # where the places are, the values say
    return difference.what == "values" and not_finite and bool(padded and arrives)


@rule("an infinite cotangent of a number that nan_to_num replaces: times 0 it is nan in torch")
def _infinite_of_replaced(difference, theirs, ours):
    replaced = difference.what == "values" and "nan_to_num" in theirs.text
    return replaced and _only_nan_in_torch(difference)


@rule(
    "a gradient's kernel is differentiated by each argument; torch takes the statistics for x's own"
)
def _statistics_of_another(difference, theirs, ours):
    kernel = re.search(r"(batch|layer|group)_norm\w*_backward", theirs.text)
    return difference.what == "values" and bool(kernel)


@rule("torch's third derivatives of batch_norm and layer_norm are not the slopes of its second")
def _third_of_norms(difference, theirs, ours):
    # Central differences agree with ours: tests/ops/normalization/test_third_derivatives.py.
    if not re.search("(batch|layer)_norm", theirs.text) or not is_second_order(theirs, difference):
        return False
    made = theirs.lines[: theirs.lines.index(line_of(theirs, difference.name) or difference.line)]
    twice = [line for line in made if "create_graph=True" in line]
    return difference.what == "values" and len(twice) >= 2


@rule("torch differentiates the kernel of prelu's gradient as if an input of 0 were positive")
def _prelu_at_zero(difference, theirs, ours):
    return difference.what == "values" and "_prelu_kernel_backward" in theirs.text


@rule("torch divides by the size of the input, not of what it and the target broadcast to")
def _broadcast_loss(difference, theirs, ours):
    loss = re.search(r"aten\.(mse|huber|smooth_l1)_loss", theirs.text)
    return difference.what == "values" and bool(loss)


@rule("torch's kernel of binary_cross_entropy's gradient divides by 1e-12 as a float32 has it")
def _float32_epsilon(difference, theirs, ours):
    a, b = difference.torch, difference.plugrad
    if difference.what != "values" or "binary_cross_entropy_backward" not in theirs.text:
        return False
    both = isinstance(a, Tensor) and isinstance(b, Tensor)
    return both and bool(torch.allclose(a, b, rtol=1e-7, equal_nan=True))


@rule("torch differentiates binary_cross_entropy's gradient as if it did not clamp x (1 - x)")
def _clamped_entropy(difference, theirs, ours):
    kernel = re.search(r"binary_cross_entropy_backward\S*\(v\d+, (v\d+)", theirs.text)
    x = kernel and raw(theirs.names.get(kernel[1]))
    clamped = isinstance(x, Tensor) and bool((x * (1 - x) < 1e-11).any())
    return difference.what == "values" and clamped


@rule("on a branch cut torch takes the derivative of the inverse functions from the other side")
def _other_side_of_a_cut(difference, theirs, ours):
    # Differences along the cut agree with ours: tests/ops/elementwise/test_cuts.py.
    inverse = re.search(r"(arc|a)(cos|sin|cosh)_?\(", theirs.text)
    return difference.what == "values" and "complex" in theirs.text and bool(inverse)


@rule("the gradient of polar's length does not depend on it; torch's has its rounding")
def _length_of_polar(difference, theirs, ours):
    return difference.what == "names" and not difference.plugrad and "polar(" in theirs.text


@rule("torch has nan or loses digits at a singular point of the op, where ours has the value")
def _singular_point(difference, theirs, ours):
    singular = re.search(
        r"prod|pow|\*\*|norm|std|sqrt|dist|tan2|logcumsumexp|xlog|copysign|hypot", theirs.text
    )
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
    finite, close = torch.isfinite(a), 1e-4 if a.dtype is torch.float32 else 1e-9
    return bool(torch.allclose(a[finite], b[finite], rtol=close, atol=close))


@rule("what of a second derivative passes through a value is up to the formula: its input or it")
def _through_an_intermediate(difference, theirs, ours):
    kinds = {"values", "log", "names", "requires_grad"}
    if difference.what not in kinds or not is_second_order(theirs, difference):
        return False
    names = difference.torch if difference.what == "names" else [difference.name]
    if difference.what == "log" and re.search(r"^del v\d+", theirs.text, re.MULTILINE):
        return True
    inner = [asked_for(theirs, n) for n in names] + [theirs.names.get(n) for n in hooked(theirs)]
    return any(isinstance(v, Tensor) and is_usable(v) and v.grad_fn is not None for v in inner)


@rule("whether a gradient requires grad where its own derivative is 0 is up to the formula")
def _constant_gradient(difference, theirs, ours):
    if difference.what != "requires_grad" or "grad(" not in line_of(theirs, difference.name):
        return False
    if not is_free(theirs.names[difference.name]):  # of integers
        return False
    if "segment_reduce" in theirs.text and difference.torch:  # its derivative torch does not have
        return True
    if not theirs.names[difference.name].numel():  # of cummax it is the leaf itself in torch
        return True
    return not _depends_but_on(theirs if difference.torch else ours, difference.name, ())


def _depends_but_on(session, name, but):
    """Whether a gradient has a derivative by a leaf that is not one of ``but``."""
    value = session.names[name]
    live = [v for v in session.live().values() if is_usable(v)]
    leaves = [v for v in live if v.is_leaf and v.requires_grad and v is not value]
    leaves = [v for v in leaves if not any(v is x for x in but)]
    grad, ones = session.names["grad"], torch.ones_like(raw(value))
    try:
        found = grad([value], leaves, [ones], retain_graph=True, allow_unused=True)
    except RuntimeError:  # torch does not have it, so it is more than zeros
        return True
    # More than rounding leaves of formulas whose terms cancel.
    return any(bool((raw(g).nan_to_num(0).abs() > 1e-12).any()) for g in found if g is not None)


@rule("a count requires grad here, and its gradient is 0; torch's does not")
def _counts(difference, theirs, ours):
    counted = "histc(" in line_of(theirs, difference.name)
    return difference.what == "requires_grad" and counted and bool(difference.plugrad)


@rule("numbers between two tensors have a gradient here; torch's linspace and logspace have none")
def _spaced(difference, theirs, ours):
    if difference.what == "requires_grad":
        spaced = re.search("linspace|logspace", line_of(theirs, difference.name))
        return bool(spaced) and bool(difference.plugrad)
    if not re.search(r"(linspace|logspace)\(v", theirs.text):
        return False
    if difference.what == "raises":
        if difference.plugrad == "nothing":
            return "does not require grad and does not have a grad_fn" in str(difference.torch)
        changed = str(difference.plugrad).startswith("SavedTensorChangedError")
        return changed and difference.torch == "nothing"  # where nothing is saved
    seen = difference.name.startswith("hook ")
    return difference.what == "values" and (seen or is_gradient(theirs, difference.name))


@rule(
    "what flows through an output that a mask leaves out is nothing here, where torch may have nan"
)
def _masked_outputs(difference, theirs, ours):
    masked = re.search(r"_backward.*\[[^\]]*False", theirs.text)
    return difference.what == "values" and bool(masked) and _only_nan_in_torch(difference)


@rule(
    "torch's zeros of sgn and of x ** 0, which nothing is computed of, leave out what is not finite"
)
def _zeros_of_sign(difference, theirs, ours):
    signs = re.search(r"abs|sgn|L1|l1_loss|norm|\*\*|pow", theirs.text)
    a, b = difference.torch, difference.plugrad
    if difference.what != "values" or not signs or not isinstance(b, Tensor):
        return False
    finite = torch.isfinite(b)
    same = isinstance(a, Tensor) and a.shape == b.shape
    return same and bool(torch.allclose(a[finite], b[finite], rtol=1e-9, atol=1e-9))


@rule("gradients of one call may be one memory in torch; a change of one leaves the other here")
def _one_memory(difference, theirs, ours):
    others = set(targets(line_of(theirs, difference.name))) - {difference.name}
    changed = set(re.findall(CHANGE, theirs.text))
    made_by_grad = "grad(" in line_of(theirs, difference.name)
    one = difference.what in {"values", "usable"}
    return one and made_by_grad and not others.isdisjoint(changed)


@rule("torch's nan_to_num_ has no gradient for a part that is finite beside one that is not")
def _finite_part(difference, theirs, ours):
    a, b = difference.torch, difference.plugrad
    if difference.what != "values" or "nan_to_num_(" not in theirs.text:
        return False
    of_parts = isinstance(a, Tensor) and isinstance(b, Tensor) and a.is_complex()
    return of_parts and a.shape == b.shape and not a[~torch.isclose(a, b)].any()


@rule("torch differentiates rrelu by the noise that it was given; here by what was drawn")
def _given_noise(difference, theirs, ours):
    if "rrelu_with_noise_functional" not in theirs.text:
        return False
    refused = str(difference.plugrad).startswith("SavedTensorChangedError")
    return difference.what == "values" or (difference.torch == "nothing" and refused)


@rule("torch's unsafe_split shares its input's memory; here it gives copies")
def _unsafe_split(difference, theirs, ours):
    return difference.what == "values" and "unsafe_split" in theirs.text


@rule("outputs are counted here with those that have no gradient, or are left out by a mask")
def _counted_outputs(difference, theirs, ours):
    made = line_of(theirs, difference.name)
    masked = "_backward" in made and "False" in made
    others = re.search(r"lu_unpack\(|_copy\(", made)  # copies are an op each
    return difference.what == "output_nr" and bool(masked or others)


@rule("whether the gradient of nothing can be differentiated again is up to the formula")
def _gradient_of_nothing(difference, theirs, ours):
    refused = str(difference.plugrad).startswith("NoGraphError")
    if difference.what != "raises" or difference.torch != "nothing" or not refused:
        return False
    number = re.search(r"input (\d+) does not require grad", str(difference.plugrad))
    inputs = re.match(r".*grad\(\[[^\]]*\], \[([^\]]*)\]", difference.line, re.DOTALL)
    if number and inputs:  # a gradient that is zero, whatever the values are
        name = inputs[1].split(", ")[int(number[1])]
        return "grad(" in line_of(theirs, name) and not theirs.names[name].any()
    roots = re.match(r".*grad\(\[([^\]]*)\]", difference.line, re.DOTALL)
    names = [n for n in roots[1].split(", ") if "grad(" in line_of(theirs, n)] if roots else []
    return any(not _depends_but_on(theirs, name, ()) for name in names)


@rule("torch's sum of exponentials loses what is next to a huge number; ours is exact")
def _huge_summands(difference, theirs, ours):
    if difference.what != "values" or "logcumsumexp" not in theirs.text:
        return False
    sizes = [raw(v).abs() for v in theirs.live().values() if is_free(raw(v))]
    return any(bool((s[s.isfinite()] > 1e15).any()) for s in sizes)


@rule("in torch a hook goes where its tensor's first one is, also after a change in place")
def _hook_of_before(difference, theirs, ours):
    label = difference.name.removeprefix("hook ")
    owner = re.search(rf"{label} = (v\d+)\.register_hook", theirs.text)
    if difference.what != "values" or label == difference.name or not owner:
        return False
    before = theirs.text[: owner.start()]
    earlier = re.search(rf"h\d+ = {owner[1]}\.register_hook.*", before, re.DOTALL)
    return bool(earlier and re.search(rf"{owner[1]}\.\w+_\(", earlier[0]))


@rule("None stands for zeros, also where allow_unused=True was left out")
def _unused(difference, theirs, ours):
    number = re.search(r"UnusedInputError: .* input (\d+),", str(difference.plugrad))
    if difference.what != "raises" or difference.torch != "nothing" or not number:
        return False
    return not theirs.names[targets(difference.line)[int(number[1])]].any()


@rule("a backward that raised had reached some leaves: which is up to the order of the walk")
def _half_a_backward(difference, theirs, ours):
    part = difference.what == "log" or (
        difference.what == "values" and difference.name.endswith(".grad")
    )
    raised = [theirs.lines[number] for number in theirs.raised & ours.raised]
    return part and any(re.search(r"grad\(|backward\(", line) for line in raised)

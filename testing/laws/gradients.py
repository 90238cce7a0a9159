"""Gradients: the form of what a rule returns, and what it may not touch."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from torch import Tensor

from plugrad.testing.agree import agree, agree_all, probable_cause
from plugrad.testing.call import differentiable_call
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.oracle import case_tolerance
from plugrad.testing.mended import dense, summing
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.sparse import is_sparse
from plugrad.testing.steady import steady_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.core.grad_fn import Node
    from plugrad.testing.call import Call
    from plugrad.testing.case import Case, Input


def ruled_call(case: Case, *, new: bool = True) -> tuple[Call, Node]:
    """A differentiable call and its node; unless ``new``, others may have differentiated it.

    Raises:
        NotApplicable: the op has no rule of its own.
    """
    call = differentiable_call(case) if new else steady_call(case)
    if call.node is None:
        raise NotApplicable("the op is composite: it has no rule of its own")
    return call, call.node


@LAWS.law("gradient-form", "first order", gate=True)
def gradient_form(case: Case) -> None:
    """The raw gradients have the count, shape, dtype, device and layout of the inputs.

    Only ``broadcasts=True`` lets the engine sum over broadcast dimensions, and that or
    ``promotes=True`` lets it cast.
    """
    call, _ = ruled_call(case, new=False)
    for given, gradient in zip(case.inputs, call.unmended(call.cotangents()), strict=True):
        if gradient is not None and given.differentiable:
            _check_form(case, given, gradient)


def _check_form(case: Case, given: Input, gradient: Any) -> None:
    name, tensor = f"the gradient of {given.name}", given.tensor
    gradient = case.op.engine.raw(gradient)
    if not isinstance(gradient, Tensor):
        raise Violation(f"{name} is a {type(gradient).__name__}: return a tensor or None")
    if gradient.device != tensor.device:
        raise Violation(f"{name} is on {gradient.device}, the input on {tensor.device}")
    if gradient.layout is not tensor.layout:
        raise Violation(
            f"{name} is {gradient.layout}, the input is {tensor.layout}",
            mended=case.of(dense(case.op)) if case.op.engine is PLUGRAD else None,
        )
    if case.op.declaration.broadcasts:
        try:
            gradient.sum_to_size(tensor.shape)
        except RuntimeError:
            raise Violation(
                f"{name} has shape {tuple(gradient.shape)}, which is not a broadcast of "
                f"{tuple(tensor.shape)}"
            ) from None
        return
    if gradient.shape != tensor.shape:
        cause = probable_cause(tensor, gradient)
        raise Violation(
            f"{name} has shape {tuple(gradient.shape)}, the input {tuple(tensor.shape)}: {cause} "
            f"({_SUMMED[case.op.engine.name]})",
            tolerated=_sums_to(gradient, tensor),
            mended=_summing(case) if _sums_to(gradient, tensor) else None,
        )
    if gradient.dtype is not tensor.dtype and not case.op.declaration.promotes:
        raise Violation(
            f"{name} has dtype {gradient.dtype}, the input {tensor.dtype}: cast it with "
            f".to({tensor.dtype}){_CAST[case.op.engine.name]}",
            tolerated=True,
            mended=_summing(case),
        )


_SUMMED = {
    "plugrad": "broadcasts=True in @op lets the engine sum",
    "torch": "torch sums, or refuses",
}
_CAST = {
    "plugrad": ", or declare promotes=True if the inputs promote",
    "torch": " (torch casts it, with what was lost before)",
}


def _summing(case: Case) -> Case | None:
    return case.of(summing(case.op)) if case.op.engine is PLUGRAD else None


def _sums_to(gradient: Tensor, tensor: Tensor) -> bool:
    try:
        gradient.sum_to_size(tensor.shape)
    except RuntimeError:
        return False
    return True


@LAWS.law("non-differentiable", "first order")
def non_differentiable(case: Case) -> None:
    """An integer or boolean input gets None, and nothing is computed for it.

    Zeros would claim that there is a derivative, and cost memory. Passing on the cotangent
    itself, or a view of it, costs nothing: the engine drops it.
    """
    call, _ = ruled_call(case, new=False)
    integers = [i for i, given in enumerate(case.inputs) if not _floating(given.tensor)]
    if not integers:
        raise NotApplicable("every input is floating or complex")
    cotangents = call.cotangents()
    handed_on = {_memory(c) for c in cotangents}
    gradients = call.rule(cotangents)
    for i in integers:
        if gradients[i] is not None and _memory(gradients[i]) not in handed_on:
            raise Violation(
                f"{case.inputs[i].name}, {case.inputs[i].tensor.dtype}, got a gradient",
                tolerated=True,
            )


def _floating(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


@LAWS.law("subsets", "first order")
def subsets(case: Case) -> None:
    """Whichever inputs require grad, each gets the same gradient as when all do.

    ``needs_input_grad`` lets a rule skip work; it must not skip too much.
    """
    wanted = case.wanted
    if len(wanted) < 2:
        raise NotApplicable("there are no two differentiable inputs")
    call = refuse_undifferentiable(case)
    cotangents = call.cotangents()
    every, allowed = case.shared.gradients, case_tolerance(case, call)
    for subset in _proper_subsets(wanted):
        part = case.call(requires=subset)
        if part.root_numbers != call.root_numbers:
            continue  # an output that depends on none of them
        got = part.vjp(cotangents)
        names = ", ".join(case.inputs[i].name for i in subset)
        expected = [g if i in subset else None for i, g in enumerate(every)]
        agree_all(case.inputs, expected, got, allowed, f"wrong when only {names} requires grad")


def _proper_subsets(wanted: list[int]) -> Iterator[tuple[int, ...]]:
    """All subsets; for many inputs only the single ones and all but one."""
    few = len(wanted) <= 4
    sizes = range(1, len(wanted)) if few else (1, len(wanted) - 1)
    for size in sizes:
        yield from combinations(wanted, size)


@LAWS.law("purity", "first order")
def purity(case: Case) -> None:
    """The rule changes neither its cotangents, nor saved tensors, nor inputs.

    Others still use them: a second backward, the sum of another branch, the user.
    """
    call, node = ruled_call(case)
    held: list[tuple[str, Tensor]] = []
    cotangents = call.cotangents()
    names = [f"cotangent {i}" for i in range(len(cotangents))]
    held += zip(names, cotangents, strict=True)
    saved = [t for t in node.saved if isinstance(t, Tensor)]
    held += [(f"saved tensor {i}", t) for i, t in enumerate(saved)]
    held += [(given.name, t) for given, t in zip(case.inputs, call.input_tensors, strict=True)]
    held = [(name, t) for name, t in held if not is_sparse(t)]  # torch cannot compare those
    before = [(t.clone(), t._version) for _, t in held]
    call.rule(cotangents)
    for (name, tensor), (was, version) in zip(held, before, strict=True):
        agree(was, tensor, name, 0.0, "backward changed it in place", caused=False)
        if tensor._version != version:
            raise Violation(
                f"backward wrote to {name} in place, even if only the same values", tolerated=True
            )


@LAWS.law("gradient-memory", "first order")
def gradient_memory(case: Case) -> None:
    """After backward only the leaf uses the memory of its gradient.

    Otherwise ``x.grad.zero_()``, or the next accumulation, would change an input, a saved
    tensor, the cotangent or another gradient.
    """
    call = differentiable_call(case)
    if any(given.pattern is not None for given in case.inputs):
        raise NotApplicable("an input is sparse: its gradient is made of several tensors")
    cotangents = call.cotangents()
    call.engine.backward(call.roots, cotangents)
    seen = [(_bytes(c), "the cotangent") for c in cotangents if c.numel()]
    for given, tensor in zip(case.inputs, call.input_tensors, strict=True):
        if tensor.numel():
            seen.append((_bytes(tensor), given.name))
    if call.node is not None:
        saved = [t for t in call.node.saved if isinstance(t, Tensor) and t.numel()]
        seen += [(_bytes(t), "a saved tensor") for t in saved if not is_sparse(t)]
    for i in case.wanted:
        gradient = call.variables[i].grad
        if gradient is None or not gradient.numel():
            continue
        own, name = _bytes(gradient.data), case.inputs[i].name
        for other, what in reversed(seen):
            if own.start < other.stop and other.start < own.stop:
                # torch's own gradients share a cotangent's memory too.
                raise Violation(
                    f"the gradient of {name} shares memory with {what}",
                    tolerated=what == "the cotangent",
                )
        if _overlaps_itself(gradient.data):
            raise Violation(f"elements of the gradient of {name} share memory (stride 0)")
        seen.append((own, f"the gradient of {name}"))


def _memory(tensor: Tensor) -> int:
    # Its address, since two handles on one memory (NumPy's, DLPack's) count as two storages.
    return tensor.untyped_storage().data_ptr()


def _bytes(tensor: Tensor) -> range:
    """Where its elements are, from the first to the last: parts of one buffer do not meet."""
    reach = sum((size - 1) * stride for size, stride in _dims(tensor))
    start = tensor.data_ptr()
    return range(start, start + (reach + 1) * tensor.element_size())


def _dims(tensor: Tensor) -> zip[tuple[int, int]]:
    return zip(tensor.shape, tensor.stride(), strict=True)


def _overlaps_itself(tensor: Tensor) -> bool:
    return any(size > 1 and stride == 0 for size, stride in _dims(tensor))


@LAWS.law("determinism", "first order")
def determinism(case: Case) -> None:
    """The same call gives the same gradient again, bit for bit.

    For a random op this holds if the generator's state is the same. An op may declare how
    much two runs may differ: ``nondeterminism=``.
    """
    refuse_undifferentiable(case)
    if case.steady is not None:  # another call has given the same, bit for bit
        return
    first, second = differentiable_call(case), case.call()
    cotangents = first.cotangents()
    agree_all(
        case.inputs,
        first.vjp(cotangents),
        second.vjp([c.clone() for c in cotangents]),
        case.op.declaration.nondeterminism,
        "a second run gives another gradient",
    )

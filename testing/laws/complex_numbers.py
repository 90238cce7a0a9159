"""Complex numbers, in torch's convention: the gradient is that of the conjugate."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import agree_all
from plugrad.testing.call import refuse_surrogate
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.forward import compare_outputs, refused_by_reference
from plugrad.testing.laws.numeric import WIDE, check_directions
from plugrad.testing.laws.oracle import case_tolerance
from plugrad.testing.shared import random_like, refuse_undifferentiable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


@LAWS.law("complex", "complex")
def complex_(case: Case) -> None:
    """With complex inputs the gradient is right in its real and in its imaginary part.

    This is tried even if all samples are real: inputs are made complex, all together and
    each alone, and complex inputs real. An op that takes complex numbers must conjugate its
    factors; one that does not must refuse them (``dtypes=``).
    """
    refuse_surrogate(case)
    refuse_undifferentiable(case)
    tried = 0
    for other, call in _taken(case):
        if not any(given.tensor.is_complex() for given in other.inputs):
            continue
        if refused_by_reference(other, other.values):
            continue
        tried += 1
        # Not the oracle: some of torch's own formulas lack a conjugate.
        if not _refused_by_engine(other, call) and all(root.dtype in WIDE for root in call.roots):
            check_directions(other, call, 1)
    if not tried:
        raise NotApplicable("the op does not take complex numbers here")


def _refused_by_engine(case: Case, call: Call) -> bool:
    """Whether a real input gets a complex gradient, which the law real-gradient reports."""
    declared = case.op.declaration
    if declared.broadcasts or declared.promotes or not call.has_rule:
        return False
    gradients = call.rule(call.cotangents())
    pairs = [(case.inputs[i].tensor, gradients[i]) for i in case.wanted]
    return any(g is not None and g.is_complex() and not t.is_complex() for t, g in pairs)


def _taken(case: Case) -> list[tuple[Case, Call]]:
    """The variants that the op takes, and the call that shows it: the laws share them."""
    shared = case.shared
    if shared.complex_variants is None:
        shared.complex_variants = []
        for other in _variants(case):
            with suppress(Exception):
                call = other.call()
                if call.roots:
                    shared.complex_variants.append((other, call))
    return shared.complex_variants


def _variants(case: Case) -> Iterator[Case]:
    """The case with other inputs complex: all, and each alone; and each complex one real."""
    if not all(given.tensor.numel() for given in case.inputs):
        return  # torch does not look at the dtypes of empty tensors
    wide = [i for i in case.wanted if case.inputs[i].tensor.dtype in WIDE]
    if wide != case.wanted:
        return  # differences in a narrow dtype would be mostly rounding
    if any(case.inputs[i].domain for i in wide):
        return  # of real numbers, as they all are
    real = [i for i in wide if not case.inputs[i].tensor.is_complex()]
    others = [i for i in wide if i not in real]
    generator = case.generator(50)
    if real:
        yield _with(case, {i: _complexified(case, i, generator) for i in real})
    # For a class that declares nothing, the engine refuses real and complex inputs together unless
    # its rule allows for them; so they are tried if a sample has them.
    if len(wide) > 1 and (case.op.declared or others):
        for i in real:
            yield _with(case, {i: _complexified(case, i, generator)})
        for i in others:
            yield _with(case, {i: case.inputs[i].tensor.real.clone()})
    if others:
        yield case


def _complexified(case: Case, i: int, generator: torch.Generator) -> Tensor:
    real = case.inputs[i].tensor
    return torch.complex(real.clone(), 0.5 * random_like(real, generator))


def _with(case: Case, changed: dict[int, Tensor]) -> Case:
    values = case.values
    for i, tensor in changed.items():
        values[i] = tensor
    return case.replaced(values)


@LAWS.law("real-gradient", "complex", engines=("plugrad",))
def real_gradient(case: Case) -> None:
    """A real input never gets a complex gradient.

    Its imaginary part is the derivative in a direction that the input does not have.
    """
    refuse_undifferentiable(case)
    tried = 0
    for other, _ in _taken(case):
        if not any(other.inputs[i].tensor.is_complex() for i in other.wanted):
            continue
        call, declared = other.call(), other.op.declaration
        summed = declared.broadcasts or declared.promotes or not call.has_rule
        cotangents = call.cotangents()
        gradients = call.vjp(cotangents) if summed else call.rule(cotangents)
        for i in other.wanted:
            tried += 1
            _check_real(other, i, gradients[i])
    if not tried:
        raise NotApplicable("the op does not take complex numbers here")


def _check_real(case: Case, i: int, gradient: Any) -> None:
    given = case.inputs[i]
    if gradient is not None and gradient.is_complex() and not given.tensor.is_complex():
        raise Violation(
            f"the real input {given.name} gets a complex gradient when another input is complex: "
            "take .real, or declare promotes=True"
        )


@LAWS.law("conj-view", "complex")
def conj_view(case: Case) -> None:
    """A lazily conjugated input or cotangent counts as conjugated.

    ``x.conj()`` only sets a bit; code that reads the memory must resolve it.
    """
    if not any(given.tensor.is_complex() for given in case.inputs):
        raise NotApplicable("no input is complex")
    _check_views(case, _conj_view, "a conjugated view as input changes the result")


@LAWS.law("neg-view", "complex")
def neg_view(case: Case) -> None:
    """A lazily negated input or cotangent counts as negated.

    ``x.conj().imag`` only sets a bit; code that reads the memory must resolve it.
    """
    _check_views(case, _neg_view, "a negated view as input changes the result")


def _check_views(case: Case, change: Any, message: str) -> None:
    if case.op.engine is PLUGRAD:
        _compare_views(case, change, message)
        return
    # Few kernels ever get such a view, so a failure, or reading the memory as it is, is only
    # advice.
    try:
        _compare_views(case, change, message)
    except Violation as violation:
        raise Violation(violation.message, violation.mismatch, tolerated=True) from violation
    except RuntimeError as error:
        raise Violation(f"a view of this kind raises: {error}", tolerated=True) from error


def _compare_views(case: Case, change: Any, message: str) -> None:
    call = refuse_undifferentiable(case)
    allowed = case_tolerance(case, call)
    try:
        changed = case.call([change(t) for t in case.values])
    except Exception:
        if refused_by_reference(case, [change(t) for t in case.values]):
            raise NotApplicable("the reference refuses such a view") from None
        raise
    compare_outputs(case.shared.outputs, changed.tensors, allowed, message)
    got = changed.vjp([change(c) for c in call.cotangents()])
    agree_all(case.inputs, case.shared.gradients, got, allowed, message)


def _conj_view(tensor: Tensor) -> Tensor:
    return tensor.conj_physical().conj() if tensor.is_complex() else tensor


def _neg_view(tensor: Tensor) -> Tensor:
    floating = tensor.is_floating_point() or tensor.is_complex()
    return torch._neg_view(-tensor) if floating else tensor

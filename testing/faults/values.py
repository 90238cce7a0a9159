"""Faults in the numbers of all gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.variable import Variable
from plugrad.testing.faults.fault import FAULTS
from plugrad.testing.faults.rewrite import each, receiving, returning
from plugrad.testing.faults.subject import Subject, gradients
from plugrad.testing.law import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugrad.testing.case import Case

_NARROW = {torch.float64: torch.float32, torch.complex128: torch.complex64}


@FAULTS.fault("scaled", "add a sample in float32 or float64 whose gradient is not zero")
def scaled(subject: Subject, _: str) -> Mapping[str, Any]:
    """Every gradient is 1.001 times as large."""
    return returning(subject.function, lambda gradient, _: gradient * 1.001)


@FAULTS.fault("sign", "add a sample whose gradient is not zero")
def sign(subject: Subject, _: str) -> Mapping[str, Any]:
    """Every gradient has the other sign."""
    return returning(subject.function, lambda gradient, _: -gradient)


@FAULTS.fault(
    "first-element",
    "add a sample in float32 or float64 whose gradient is not zero at its first element",
)
def first_element(subject: Subject, _: str) -> Mapping[str, Any]:
    """The first element of every gradient is 1 % too large."""
    return returning(subject.function, lambda gradient, _: _scaled_at(gradient, 0))


@FAULTS.fault(
    "last-element",
    "add a sample in float32 or float64 whose gradient is not zero at its last element",
)
def last_element(subject: Subject, _: str) -> Mapping[str, Any]:
    """The last element of every gradient is 1 % too large."""
    return returning(subject.function, lambda gradient, _: _scaled_at(gradient, -1))


def _scaled_at(gradient: Any, index: int) -> Any:
    if gradient.numel() == 0:
        return gradient
    factor = torch.ones(gradient.numel(), dtype=torch.float64, device=gradient.device)
    factor[index] = 1.01
    return gradient * factor.reshape(gradient.shape).to(gradient.dtype)


@FAULTS.fault("float32-inside", "add a sample in float64 whose gradient is not zero")
def float32_inside(subject: Subject, _: str) -> Mapping[str, Any]:
    """The cotangent and the gradients pass through float32."""
    _refuse_narrow(subject)
    received = receiving(subject.function, lambda cotangent, _: _rounded(cotangent))["backward"]

    def backward(ctx: Any, *cotangents: Any) -> Any:
        return each(received(ctx, *cotangents), lambda g, *_: None if g is None else _rounded(g))

    return {"backward": backward}


def _refuse_narrow(subject: Subject) -> None:
    """Refuse if no sample is in float64: many kernels do not have it."""
    cases = [found.case for found in subject.probes]
    if not any(case.inputs[i].tensor.dtype in _NARROW for case in cases for i in case.wanted):
        raise NotApplicable("no sample has a gradient in float64")


def _rounded(tensor: Any) -> Any:
    narrow = _NARROW.get(tensor.dtype)
    return tensor if narrow is None else tensor.to(narrow).to(tensor.dtype)


@FAULTS.fault("float32-returned", "add a sample in float64 whose gradient is not zero")
def float32_returned(subject: Subject, _: str) -> Mapping[str, Any]:
    """Gradients in float64 are returned in float32."""
    _refuse_narrow(subject)
    return returning(
        subject.function, lambda g, _: g.to(_NARROW[g.dtype]) if g.dtype in _NARROW else g
    )


def _conj_proof(subject: Subject, _: Subject, __: str) -> str | None:
    cases = [found.case for found in subject.probes]
    if any(_has_imaginary_part(gradients(case)) for case in [*cases, *map(_complexified, cases)]):
        return None
    return "every complex gradient has the imaginary part 0"


@FAULTS.fault("conj-dropped", "add a sample with complex inputs", proof=_conj_proof)
def conj_dropped(subject: Subject, _: str) -> Mapping[str, Any]:
    """Every complex gradient is conjugated once too often, or too seldom."""
    cases = [found.case for found in subject.probes]
    if not any(c.inputs[i].tensor.is_complex() for c in cases for i in c.wanted):
        if subject.engine.name == "torch":  # whose Functions are mostly written for real numbers
            raise NotApplicable("no sample has a complex input")
        complexified = map(_complexified, cases)
        if not any(_has_imaginary_part(gradients(case)) for case in complexified):
            raise NotApplicable("the op has no gradient in complex tensors")
    return returning(subject.function, lambda g, _: _conjugated(g))


def _complexified(case: Case) -> Case:
    """The same sample with complex numbers in all inputs that get a gradient."""
    values = [
        v * (0.8 + 0.6j) if case.inputs[i].differentiable else v for i, v in enumerate(case.values)
    ]
    return case.replaced(values)


def _has_imaginary_part(found: list[Any] | None) -> bool:
    return any(g is not None and g.is_complex() and bool(g.imag.any()) for g in found or ())


def _conjugated(gradient: Any) -> Any:
    if not gradient.dtype.is_complex:
        return gradient
    if isinstance(gradient, Variable):
        return gradient.conj()
    return gradient.conj().resolve_conj()

"""Graphs: the op among others, used several times, and run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.testing.agree import agree, agree_all
from plugrad.testing.call import differentiable_call
from plugrad.testing.law import LAWS, USED_UP, NotApplicable, Violation
from plugrad.testing.laws.oracle import case_tolerance
from plugrad.testing.shared import refuse_undifferentiable
from plugrad.testing.steady import (
    call_with_other_numbers,
    call_with_other_options,
    steady_call,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case


@LAWS.law("same-variable-twice", "first order")
def same_variable_twice(case: Case) -> None:
    """A Variable passed as two inputs gets the sum of both gradients.

    Rules that tell inputs apart by identity get this wrong.
    """
    for i, j in alike(case):
        values = case.values
        values[j] = values[i].clone()
        try:
            apart = case.call(values)
        except Exception:
            continue
        if not apart.roots:
            continue
        cotangents = apart.cotangents()
        gradients = apart.vjp(cotangents)
        both = apart.engine.leaf(values[i].clone(), True)
        variables = list(apart.variables)
        variables[i] = variables[j] = both
        together = case.call_on(variables)
        (got,) = apart.engine.grad(together.roots, cotangents, [both])
        pair = [g for g in (gradients[i], gradients[j]) if g is not None]
        expected = sum(pair[1:], pair[0]) if pair else None
        names = f"{case.inputs[i].name} = {case.inputs[j].name}"
        allowed = case_tolerance(case, apart)
        agree(expected, got, f"gradient of {names}", allowed, "wrong for one Variable given twice")
        return
    raise NotApplicable("no two differentiable inputs are alike in shape and dtype")


def alike(case: Case) -> list[tuple[int, int]]:
    """The pairs of differentiable inputs with the same shape and dtype."""
    wanted = case.wanted
    tensors = [given.tensor for given in case.inputs]
    return [
        (i, j)
        for i in wanted
        for j in wanted
        if i < j and tensors[i].shape == tensors[j].shape and tensors[i].dtype is tensors[j].dtype
    ]


@LAWS.law("interleaved", "first order")
def interleaved(case: Case) -> None:
    """Calls between forward and backward, one of them the next sample's, do not disturb it.

    State on the class, or in a global, belongs to the last call, not to this one.
    """
    refuse_undifferentiable(case)
    if case.steady is not None:  # it is known to be undisturbed
        return
    expected, call = case.shared.gradients, case.call()
    cotangents = call.cotangents()
    message = "another call of the op in between changes the gradient"
    allowed = case.op.declaration.nondeterminism
    call_with_other_numbers(case)
    agree_all(case.inputs, expected, call.vjp(cotangents), allowed, message)
    if call_with_other_options(case):
        agree_all(case.inputs, expected, call.vjp(cotangents), allowed, message)


@LAWS.law("diamond", "first order")
def diamond(case: Case) -> None:
    """Gradients add up if an output is used twice, and for two calls on one Variable.

    The gradient of one call waits while the rule of the other runs; that rule must not
    write over it, nor count how often its input is used.
    """
    call = differentiable_call(case)
    u, v = call.cotangents(1), call.cotangents(2)
    again = case.call_on(call.variables)
    wanted = case.wanted
    targets = [call.variables[i] for i in wanted]
    roots = [*call.roots, *call.roots, *again.roots]
    found = dict(zip(wanted, call.engine.grad(roots, [*u, *v, *u], targets), strict=True))
    apart = steady_call(case)
    summed = [a + b for a, b in zip(u, v, strict=True)]
    pairs = list(zip(_kept(apart.vjp(summed)), _kept(apart.vjp(u)), strict=True))
    allowed, message = case_tolerance(case, call), "wrong for an output and an input used twice"
    for i in wanted:
        parts = [g for g in pairs[i] if g is not None]
        # Two large terms may cancel; what is left carries their error.
        scale = max((float(_finite(g).abs().max()) for g in parts if g.numel()), default=0.0)
        expected, what = sum(parts[1:], *parts[:1]), f"gradient of {case.inputs[i].name}"
        agree(expected if parts else None, found[i], what, allowed, message, scale=scale)


def _kept(gradients: Sequence[Any]) -> list[Any]:
    return [None if g is None else g.clone() for g in gradients]


def _finite(tensor: Tensor) -> Tensor:
    return torch.where(torch.isfinite(tensor), tensor, 0)


@LAWS.law("retain-graph", "first order")
def retain_graph(case: Case) -> None:
    """If the graph is retained, a second and a third backward give the same gradients.

    A rule must not use up what its context holds.
    """
    call = steady_call(case)
    cotangents = call.cotangents()
    if case.steady is None:
        first = _kept(call.vjp([c.clone() for c in cotangents]))
    else:  # it was differentiated more than once, and gave this each time
        first = case.shared.gradients
    for _ in range(2 if case.steady is None else 1):
        again = _once_more(call, cotangents)
        allowed = case.op.declaration.nondeterminism
        agree_all(case.inputs, first, again, allowed, "another backward of the same graph differs")


def _once_more(call: Call, cotangents: Sequence[Tensor]) -> list[Any]:
    try:
        return call.vjp([c.clone() for c in cotangents])
    except RuntimeError as error:
        if USED_UP not in str(error):
            raise
        raise Violation(
            "another backward of the same graph raises, since the first frees a graph that forward "
            "built: build it in backward, or pass retain_graph=True to torch.autograd.grad there"
        ) from error

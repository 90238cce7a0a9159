"""In place: an op's in-place twins, compared with torch's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.engine import run
from plugrad.core.variable import Variable
from plugrad.plugins.default import registry
from plugrad.plugins.registered_op import RegisteredOp, inplace_name
from plugrad.testing.agree import agree, agree_all, tolerance
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.shared import random_like

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.testing.case import Case
    from plugrad.testing.op_under_test import OpUnderTest


@LAWS.law("inplace-declared", "registration", whole_op=True, engines=("plugrad",))
def inplace_declared(op: OpUnderTest) -> None:
    """An op has the in-place twins that torch has for its methods.

    Otherwise ``x += y`` makes a new Variable, and an optimizer written with it trains
    nothing.
    """
    if not op.declared:
        raise NotApplicable("the class is not declared with @op")
    names = {inplace_name(method) for method in op.declaration.methods} - {""}
    names = {name for name in names if hasattr(Tensor, name)} - registry.reserved
    if not names:
        raise NotApplicable("torch has no in-place twin of its methods")
    missing = names - {*_entry(op).inplace_names}
    for name in sorted(missing):
        if registry.owner(name) is None:
            raise Violation(
                f"torch.Tensor has {name}, but the op does not: declare inplace=True in @op"
            )


@LAWS.law("inplace", "first order", engines=("plugrad",))
def inplace(case: Case) -> None:
    """After an in-place change, values and gradients are torch's.

    A Variable, a view of one, and the view's base are compared. The twin may refuse only
    what torch refuses too.
    """
    names = _entry(case.op).inplace_names if case.op.declared else ()
    if not names:
        raise NotApplicable("the op declares no in-place twin")
    if not (case.sample.args and isinstance(case.sample.args[0], Tensor)):
        raise NotApplicable("the first argument is not a tensor")
    refused = [
        refusal
        for name in names
        for of_view in (False, True)
        if (refusal := _compare(case, name, of_view))
    ]
    if len(refused) == 2 * len(names):
        raise NotApplicable(f"torch refuses it in place too: {refused[0]}")


def _entry(op: OpUnderTest) -> RegisteredOp:
    return op.entry or RegisteredOp.of(op.function)


def _compare(case: Case, name: str, of_view: bool) -> str:
    """Raise Violation if the twin ``name`` is not torch's; return why torch refuses, if it does."""
    where = f"{name} of a view" if of_view else name
    try:
        theirs = _Change(case, _torchs(case, name), _tensor_leaf, of_view)
    except Exception as error:
        expected_refusal = str(error).partition("\n")[0] or type(error).__name__
        try:
            _Change(case, _entry(case.op).attribute(name), Variable, of_view)
        except Exception:
            return expected_refusal
        if isinstance(error, TypeError):  # it is spelled otherwise there
            return expected_refusal
        raise Violation(f"{where} does what torch refuses: {expected_refusal}") from error
    try:
        ours = _Change(case, _entry(case.op).attribute(name), Variable, of_view)
    except Exception as error:
        raise Violation(f"{where} raises {type(error).__name__}: {error}") from error
    allowed = tolerance(*(given.tensor.dtype for given in case.inputs))
    for number, (expected, root) in enumerate(zip(theirs.roots, ours.roots, strict=True)):
        message = f"{where} does not give what torch's gives"
        agree(expected.detach(), root.data, ("the view", "its base")[number], allowed, message)
    if not case.sample.oracle_is_wrong:
        _compare_gradients(case, theirs, ours, where, allowed)
    return ""


def _compare_gradients(
    case: Case, theirs: _Change, ours: _Change, where: str, allowed: float
) -> None:
    tracked = [n for n, root in enumerate(theirs.roots) if root.requires_grad]
    ours_tracked = [n for n, root in enumerate(ours.roots) if root.requires_grad]
    if not case.op.declaration.differentiable and not ours_tracked:
        return
    if tracked != ours_tracked:
        raise Violation(f"after {where} {ours_tracked} require grad, in torch {tracked} do")
    if not tracked or not case.wanted:
        return
    generator = case.generator(7)
    cotangents = [random_like(theirs.roots[n].detach(), generator) for n in tracked]
    try:
        expected = torch.autograd.grad(
            [theirs.roots[n] for n in tracked],
            [theirs.leaves[i] for i in case.wanted],
            cotangents,
            allow_unused=True,
        )
    except RuntimeError:  # torch has no formula for it in place
        return
    try:
        found = run(
            [ours.roots[n] for n in tracked],
            cotangents,
            False,
            False,
            [ours.leaves[i] for i in case.wanted],
        )
    except Exception as error:
        raise Violation(f"the backward of {where} raises {error}") from error
    by_input = [dict(zip(case.wanted, g, strict=True)) for g in (expected, found)]
    listed = [[of.get(i) for i in range(len(case.inputs))] for of in by_input]
    agree_all(case.inputs, listed[0], listed[1], allowed, f"not torch's gradient after {where}")


class _Change:
    """A call of an in-place method on a copy of the first input, or on a view of one."""

    def __init__(
        self,
        case: Case,
        method: Callable[..., Any],
        leaf: Callable[[Tensor, bool], Any],
        of_view: bool,
    ) -> None:
        values = case.values
        if of_view:
            values[0] = torch.stack([values[0], values[0]])
        self.leaves = [leaf(value, i in case.wanted) for i, value in enumerate(values)]
        with torch.enable_grad(), case.random_numbers():
            base = self.leaves[0].clone()
            x = base[1] if of_view else base
            #: What has a gradient afterwards: the view and its base.
            self.roots: list[Any] = [x, base] if of_view else [x]
            args, kwargs = case.arguments([x, *self.leaves[1:]])
            method(*args, **kwargs)


def _tensor_leaf(value: Tensor, requires_grad: bool) -> Tensor:
    return value.requires_grad_(requires_grad)


def _torchs(case: Case, name: str) -> Callable[..., Any]:
    """Torch's in-place method or, if torch has none of this name, the op written over x."""
    native = getattr(Tensor, name, None)
    if native is not None and case.op.declaration.differentiable:
        return native  # type: ignore[no-any-return]
    if native is not None:  # torch lets the gradient through logical_xor_, which is constant

        def constant(x: Tensor, *arguments: Any, **options: Any) -> None:
            made = x.detach().clone()
            native(made, *arguments, **options)
            x.copy_(made.detach())

        return constant

    def written_over(*arguments: Any, **options: Any) -> None:
        reference = case.op.reference
        if reference is None:
            tensors: Sequence[Any] = [v for v in arguments if isinstance(v, Tensor)]
            result = case.bare_forward(list(tensors))
        else:
            result = reference(*arguments, **options)
        arguments[0].copy_(result)

    return written_over

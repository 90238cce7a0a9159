"""What else a torch.autograd.Function or a custom op must do: work in other parts of torch."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from plugrad.core.installed_torch import torch_before
from plugrad.testing.agree import agree, agree_all, tolerance
from plugrad.testing.call import flat
from plugrad.testing.case import cases
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.shared import random_like
from plugrad.testing.torch_target import TorchTarget, is_custom_op

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case

_TORCH = ("torch",)


@LAWS.law("setup-context", "torch", whole_op=True, engines=_TORCH)
def setup_context(op: TorchTarget) -> None:
    """Forward is without ``ctx``, and ``setup_context`` keeps what backward needs.

    torch.func refuses a Function that is written the old way, and so do the tools built on
    it: ``grad``, ``vmap``, ``jacrev``, per-sample gradients.
    """
    _a_function(op)
    if not op.has_setup_context:
        raise Violation(
            "torch.func refuses it: write forward(x, ...) without ctx, and a static method "
            "setup_context(ctx, inputs, output)"
        )


@LAWS.law("func-grad", "torch", whole_op=True, engines=_TORCH)
def func_grad(op: TorchTarget) -> None:
    """torch.func.vjp gives the gradient that backward gives.

    There the inputs are wrapped; a rule that keeps them outside ``ctx``, or looks at their
    memory, computes something else or fails. It uses the first sample.
    """
    _a_function(op)
    if not op.has_setup_context:
        raise NotApplicable("torch.func refuses it: see the law setup-context")
    case, call = _first(op)
    cotangents = call.cotangents()
    wanted = case.wanted

    def function(*tensors: Tensor) -> tuple[Any, ...]:
        values = case.values
        for i, tensor in zip(wanted, tensors, strict=True):
            values[i] = tensor
        outputs = case.call_on(values).outputs
        return tuple(outputs[n] for n in call.root_numbers)

    start = [case.values[i] for i in wanted]
    backwards: Any = torch.func.vjp(function, *start)[1]
    _compare(case, call, cotangents, backwards(tuple(cotangents)), "torch.func.vjp")


@LAWS.law("func-vmap", "torch", whole_op=True, engines=_TORCH)
def func_vmap(op: TorchTarget) -> None:
    """Under torch.vmap the values are those of a loop.

    A Function says how with ``generate_vmap_rule = True``, or with ``vmap``; torch trusts
    it, and a wrong rule mixes the examples of a batch. It uses the first sample.
    """
    _a_function(op)
    target: Any = op.function
    has_rule = target.generate_vmap_rule or "vmap" in vars(target)
    if not op.has_setup_context or not has_rule:
        raise NotApplicable("it has neither generate_vmap_rule = True nor a vmap of its own")
    case, _ = _first(op)
    generator = case.generator(60)
    wanted = case.wanted
    other = case.values
    for i in wanted:
        other[i] = other[i] + 0.01 * random_like(other[i], generator)
    stacked = [torch.stack([case.values[i], other[i]]) for i in wanted]

    def function(*tensors: Tensor) -> tuple[Any, ...]:
        values = case.values
        for i, tensor in zip(wanted, tensors, strict=True):
            values[i] = tensor
        return tuple(o for o in case.call_on(values).outputs if isinstance(o, Tensor))

    batched = torch.vmap(function, randomness="same")(*stacked)
    allowed = _allowed(case, batched)
    for number, values in enumerate((case.values, other)):
        expected = [o for o in case.forward(values) if isinstance(o, Tensor)]
        for which, (e, g) in enumerate(zip(expected, batched, strict=True)):
            _agree_values(e, g[number], which, allowed, "under torch.vmap")


@LAWS.law("opcheck", "torch", whole_op=True, engines=_TORCH, slow=True)
def opcheck(op: TorchTarget) -> None:
    """A custom op passes torch.library.opcheck.

    Its schema says what it changes, its fake kernel gives the shapes, and its backward is
    registered where torch.compile finds it. It uses the first sample.
    """
    if not is_custom_op(op.function):
        raise NotApplicable("it is not a custom op")
    custom: Any = op.function
    overloads = custom.overloads() if hasattr(custom, "overloads") else []
    if len(overloads) > 1:
        name = f"{op.name.partition(':')[2]}.{overloads[0]}"
        raise NotApplicable(f"it has overloads, and opcheck takes one: check torch.ops.{name}")
    case, call = _first(op)
    args, kwargs = case.arguments(call.variables)
    results = torch.library.opcheck(custom, args, kwargs, raise_exception=False)
    failed = {test: said for test, said in results.items() if said != "SUCCESS"}
    for test, said in failed.items():
        first = str(said).strip().partition("\n")[0]
        raise Violation(f"{test} of torch.library.opcheck fails: {type(said).__name__}: {first}")


@LAWS.law("compiled", "torch", whole_op=True, engines=_TORCH, explained_by=("opcheck",), slow=True)
def compiled(op: TorchTarget) -> None:
    """torch.compile gives the same values and the same gradients.

    It is compiled with the backend aot_eager, which traces forward and backward and
    generates no code. Whatever the tracer does not see (a global, a NumPy array, a memory
    address) is dropped or frozen. It uses the first sample; a graph break is not a
    violation.

    If torch.func takes the Function, its vjp is compiled too, from torch 2.13 on. There 2.13
    silently drops backward and differentiates forward
    (https://github.com/pytorch/pytorch/issues/193279): nan where backward avoids it, zero
    where torch does not see what forward does. For a surrogate gradient this is a warning,
    since its author cannot change it.
    """
    case, call = _first(op)
    if case.op.dirties or case.draws:
        raise NotApplicable("it writes to an input, or draws random numbers")
    cotangents = call.cotangents()
    with _fresh_compiler():
        again = _compiled(op, case)
        allowed = _allowed(case, call.tensors)
        for number, (e, g) in enumerate(zip(call.tensors, again.tensors, strict=True)):
            _agree_values(e, g, number, allowed, "under torch.compile")
        if again.root_numbers != call.root_numbers:
            raise Violation(
                f"under torch.compile outputs {again.root_numbers} require grad, in eager mode "
                f"outputs {call.root_numbers}"
            )
        got = again.vjp(cotangents)
    message = "under torch.compile the gradient differs"
    agree_all(case.inputs, call.vjp(cotangents), got, allowed, message)
    with _fresh_compiler():
        _check_transformed(op, case, call)


def _check_transformed(op: TorchTarget, case: Case, call: Call) -> None:
    """Raise Violation if torch.compile of torch.func.vjp gives another gradient than backward."""
    # At a kink torch may choose another number. Before 2.13 (2.6 was tried) it gives zeros for
    # right Functions, too, which nobody who writes one can change.
    older = torch_before("2.13")
    if older or case.sample.kink or not any(map(_has_function, call.roots)):
        return
    start, cotangents = [case.values[i] for i in case.wanted], tuple(call.cotangents())
    try:
        pull = _pull(op, case, call)
        pull(start, cotangents)
    except Exception:  # see the law func-grad
        return
    try:
        found = torch.compile(pull, backend="aot_eager")(start, cotangents)
    except Exception as error:
        raise _raising("torch.compile of torch.func.vjp", error) from error
    try:
        _compare(case, call, cotangents, found, "")
    except Violation as violation:
        meant = bool(case.op.declaration.as_surrogate)
        if meant or not _is_wrong_anyway(case):
            raise _dropped(violation, meant) from None


def _dropped(violation: Violation, meant: bool) -> Violation:
    """What to say where torch dropped backward, which it was meant to keep if ``meant``."""
    numbers = violation.mismatch and replace(violation.mismatch, cause="")  # backward is right
    fix = "wrap the call" if meant else "make forward right when it is, too, or wrap the call"
    return Violation(
        "in torch.compile of torch.func.vjp, torch drops backward and differentiates forward: "
        f"{numbers}; {fix} in a function that torch.compiler.disable decorates",
        numbers,
        tolerated=meant,
    )


def _pull(op: TorchTarget, case: Case, call: Call) -> Callable[..., Any]:
    """What gives the gradients with torch.func.vjp; nothing of plugrad's is in it."""
    values = case.values
    args, kwargs = case.arguments(values)
    if not op.composite:
        args, kwargs = op.bound(args, kwargs), {}
    leaves, spec = tree_flatten((args, kwargs))
    places = [[leaf is values[i] for leaf in leaves].index(True) for i in case.wanted]
    target: Any = op.function if op.composite else op.function.apply
    numbers = call.root_numbers

    def function(*tensors: Tensor) -> tuple[Any, ...]:
        given = list(leaves)
        for place, tensor in zip(places, tensors, strict=True):
            given[place] = tensor
        args, kwargs = tree_unflatten(given, spec)
        outputs = tree_leaves(target(*args, **kwargs))
        return tuple([outputs[n] for n in numbers])

    def pull(start: Sequence[Tensor], cotangents: tuple[Tensor, ...]) -> Any:
        return torch.func.vjp(function, *start)[1](cotangents)

    return pull


def _has_function(root: Tensor) -> bool:
    """Whether a torch.autograd.Function is in the graph of an output; a custom op is not one."""
    found, todo = set(), [root.grad_fn]
    while todo:
        node = todo.pop()
        if node is None or node in found:
            continue
        function = getattr(node, "_forward_cls", None)
        if function is not None and not function.__module__.startswith("torch._library"):
            return True
        found.add(node)
        todo += [after for after, _ in node.next_functions]
    return False


def _is_wrong_anyway(case: Case) -> bool:
    """Whether the gradient is not the slope of forward: other laws say so."""
    return any(_breaks(case, law) for law in ("oracle", "numeric"))


def _breaks(case: Case, law: str) -> bool:
    try:
        LAWS[law].check(case)
    except NotApplicable:
        return False
    except Violation:
        return True
    return False


def _compiled(op: TorchTarget, case: Case) -> Call:
    target: Any = op.function

    # What is compiled holds nothing of plugrad's: the tracer would stop at it.
    def call(*args: Any, **kwargs: Any) -> Any:
        return target(*args, **kwargs)

    def call_function(*args: Any) -> Any:
        return target.apply(*args)

    function: Any = torch.compile(call if op.composite else call_function, backend="aot_eager")

    def apply(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if op.composite else function(*op.bound(args, kwargs))

    try:
        return case.call(apply=apply)
    except Exception as error:
        raise _raising("torch.compile", error) from error


def _raising(what: str, error: Exception) -> Violation:
    inner = getattr(error, "inner_exception", None) or error.__cause__ or error
    first = str(inner).strip().partition("\n")[0]
    return Violation(f"{what} raises {type(error).__name__}: {first}", tolerated=True)


# --- what they share -----------------------------------------------------------------


def _a_function(op: TorchTarget) -> None:
    if op.composite:
        raise NotApplicable("it is not a torch.autograd.Function")


def _first(op: TorchTarget) -> tuple[Case, Call]:
    """The first sample that has a gradient, called.

    Raises:
        NotApplicable: there is none.
    """
    for case in cases(op):
        try:
            call = case.call()
        except Exception:
            continue
        if call.roots:
            return case, call
    raise NotApplicable("no sample has a gradient")


def _compare(
    case: Case, call: Call, cotangents: Sequence[Tensor], found: Sequence[Any], where: str
) -> None:
    got: list[Any] = [None] * len(case.inputs)
    for i, gradient in zip(case.wanted, found, strict=True):
        got[i] = gradient
    allowed = _allowed(case, call.tensors)
    agree_all(case.inputs, call.vjp(cotangents), got, allowed, f"{where} gives another gradient")


def _allowed(case: Case, outputs: Sequence[Any]) -> float:
    dtypes = [given.tensor.dtype for given in case.inputs]
    return tolerance(*dtypes, *(o.dtype for o in flat(list(outputs)) if isinstance(o, Tensor)))


def _agree_values(expected: Any, got: Any, number: int, allowed: float, where: str) -> None:
    agree(expected, got, f"output {number}", allowed, f"{where} the value differs")


@contextmanager
def _fresh_compiler() -> Iterator[None]:
    """Compile from a clean state; torch's warnings about that are not the op's."""
    torch._dynamo.reset()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch._dynamo.reset()

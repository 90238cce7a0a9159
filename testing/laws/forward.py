"""Forward: that it runs, what it gives, and what it refuses."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.counted import counted
from plugrad.core.held import tensors_in
from plugrad.errors import ContextError
from plugrad.testing.agree import FLOOR, agree, tolerance
from plugrad.testing.call import Call, flat
from plugrad.testing.case import Case
from plugrad.testing.engine import PLUGRAD, TORCH
from plugrad.testing.law import LAWS, NOT_CHECKED, NotApplicable, Violation
from plugrad.testing.mended import with_attributes
from plugrad.testing.torch_target import is_custom_op

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugrad.testing.op_under_test import OpUnderTest


@LAWS.law("runs", "forward", gate=True)
def runs(case: Case) -> None:
    """The sample can be called, and its backward runs.

    Whatever forward or backward raises is reported here once; the other laws do not repeat
    it. So is an argument that the sample calls ``constant`` but does not have, and one that is
    not in the domain that the sample declares.
    """
    if case.unknown_constants:
        raise Violation(_unknown_constants(case))
    for given in case.outside:
        raise Violation(
            f"the numbers of {given.name} are not in the domain that the sample declares: "
            f'make them with make(..., domain="{given.domain}"), or declare another domain'
        )
    call = _called(case)
    if call.node is not None:
        with torch.no_grad():
            call.raw(call.cotangents())
    if call.node is not None and case.op.engine is not PLUGRAD:
        call = case.call()  # a rule may be able to run only once
    if call.roots and (call.node is None or case.op.engine is not PLUGRAD):
        call.vjp(call.cotangents())
    if case.op.engine is TORCH and case.wanted:
        if not case.op.composite:
            _refuse_lost_outputs(call)
        elif not call.roots:
            _refuse_without_graph(case, call)


def _refuse_lost_outputs(call: Call) -> None:
    """A torch Function's outputs are tensors, or a tuple of them: torch opens nothing else."""
    output = call.output
    for part in output if isinstance(output, tuple) else (output,):
        found = [] if isinstance(part, Tensor) else list(tensors_in(part))
        if any(t.is_floating_point() or t.is_complex() for t in found):
            raise Violation(
                f"forward returns a tensor inside a {type(part).__name__}, and torch gives no "
                "gradient to that: return tensors, alone or in one tuple",
                unsure=bool(call.roots),  # it may be one that is to have none
            )


def _refuse_without_graph(case: Case, call: Call) -> None:
    """A function, or a custom op without a rule, whose numbers torch's autograd does not follow."""
    floating = any(isinstance(t, Tensor) and t.is_floating_point() for t in call.tensors)
    if floating or not is_custom_op(case.op.function):  # such as one that returns places
        names = [case.inputs[i].name for i in case.wanted]
        for output in call.outputs:
            if hasattr(output, "__dict__") and not isinstance(output, Tensor | type):
                raise Violation(
                    f"it returns a {type(output).__name__}, and the laws look into tuples, lists "
                    "and dicts: check a function that returns its tensors"
                )
        raise Violation(
            f"torch does not differentiate it: {' and '.join(names)} can require grad, and no "
            "output does. Leave out .detach(), no_grad, .item() and NumPy, and register a rule "
            "for a custom op; what is to have no gradient is "
            f"Sample(...).constant({', '.join(map(repr, names))})"
        )


def _called(case: Case) -> Call:
    try:
        return case.call()
    except Exception as error:
        if case.op.engine is PLUGRAD or torch.cuda.is_available() or not _GPU.search(str(error)):
            return _called_with_attributes(case, error)
        first = str(error).strip().partition("\n")[0]
        raise Violation(
            f"{NOT_CHECKED}it needs a GPU, and there is none here ({type(error).__name__}: "
            f"{first}); "
            "run the check with --device cuda on a machine with a GPU",
            tolerated=True,
            stops=True,
        ) from error


#: What torch and Triton say where there is no device for them.
_GPU = re.compile(r"\bcuda\b|\bnvidia\b|\bgpu\b|\bhip\b|\btriton\b|0 active drivers", re.IGNORECASE)


def _called_with_attributes(case: Case, error: Exception) -> Call:
    if isinstance(error, ContextError):
        copy = case.of(with_attributes(case.op))
        try:
            copy.call()
        except Exception:  # it was something else
            raise error from None
        raise Violation(str(error), mended=copy) from error
    raise error


def _unknown_constants(case: Case) -> str:
    signature = case.op.signature
    names = [*signature.positional, signature.variadic, *sorted(signature.keyword_only)]
    named = ", ".join(filter(None, names))
    unknown = ", ".join(map(repr, case.unknown_constants))
    return (
        f"the sample calls {unknown} constant but has no such argument: write the position or "
        f"the name of an argument that it has; forward's are named {named}"
    )


@LAWS.law("reference", "forward")
def reference(case: Case) -> None:
    """Forward gives the same as the function that the op stands for.

    If that is a torch function, bit for bit, since both run the same kernels.
    """
    function = case.op.reference
    if function is None:
        raise NotApplicable("the op names no reference=")
    expected, got = reference_outputs(case, function), case.shared.untracked
    compare_outputs(expected, got, _exactness(case, got), "not what the reference gives")


def reference_outputs(
    case: Case, function: Callable[..., Any], values: Sequence[Tensor] | None = None
) -> list[Any]:
    """What a torch function gives for the case, flat."""
    args, kwargs = case.arguments(case.values if values is None else values)
    with torch.no_grad(), case.random_numbers():
        return flat(function(*args, **kwargs))


def compare_outputs(
    expected: Sequence[Any],
    got: Sequence[Any],
    allowed: float,
    message: str,
    forgives: Callable[[Violation], bool] | None = None,
    floor: float = FLOOR,
) -> None:
    """Raise Violation unless these are the same outputs, but for differences that are forgiven.

    Off the CPU "the same" is to rounding: kernels add up in the order in which threads come.
    """
    if len(expected) != len(got):
        raise Violation(f"{message}: expected {counted(len(expected), 'output')}, got {len(got)}")
    for number, (e, g) in enumerate(zip(expected, got, strict=True)):
        if not allowed and isinstance(e, Tensor) and not e.is_cpu:
            allowed = tolerance(e.dtype)
        with forgiving(forgives):
            agree(e, g, f"output {number}", allowed, message, floor=floor)


@contextmanager
def forgiving(forgives: Callable[[Violation], bool] | None) -> Iterator[None]:
    """Go on after a Violation that ``forgives`` is true of: what follows is still compared."""
    try:
        yield
    except Violation as violation:
        if forgives is None or not forgives(violation):
            raise


def refused_by_reference(case: Case, values: Sequence[Tensor]) -> bool:
    """Whether the reference raises for these inputs too; without a reference, forward decides."""
    try:
        if case.op.reference is not None:
            reference_outputs(case, case.op.reference, values)
        else:
            with torch.no_grad(), case.random_numbers():
                case.bare_forward(list(values))
    except Exception:
        return True
    return False


def _exactness(case: Case, outputs: Sequence[Any]) -> float:
    """How much a reference may differ: not at all if it is torch's and the op runs its kernel."""
    declared = case.op.declaration.reference
    same_kernel = case.op.engine is PLUGRAD and not case.op.composite
    if same_kernel and (declared is None or _is_torchs(declared)):
        return 0.0
    tensors = [*case.values, *(o for o in outputs if isinstance(o, Tensor))]
    return tolerance(torch.float64, *(t.dtype for t in tensors))


def _is_torchs(function: Callable[..., Any]) -> bool:
    module = getattr(function, "__module__", None) or ""
    return module.split(".")[0] in {"torch", ""} or hasattr(function, "__objclass__")


@LAWS.law("untracked", "forward")
def untracked(case: Case) -> None:
    """A call gives the same result whether it is recorded or not.

    A forward that looks at ``needs_input_grad`` must not compute something else.
    """
    # To rounding: which kernel is the best can depend on what needs a gradient.
    allowed = tolerance(*(given.tensor.dtype for given in case.inputs))
    message = "recorded, a call gives another value"
    compare_outputs(case.shared.untracked, case.shared.outputs, allowed, message)


@LAWS.law("refusals", "forward", whole_op=True, explained_by=("samples",))
def refusals(op: OpUnderTest) -> None:
    """Calls that the op declares as refused raise the declared error.

    An error is part of what an op does: ``Sample(...).raises(Error, match)`` says so.
    """
    refused = op.refused_samples()
    if not refused:
        raise NotApplicable("no sample says that it raises")
    if not op.on_cpu:
        raise NotApplicable(
            "a kernel that refuses a number ends the use of the device by its process; on the CPU "
            "the law applies"
        )
    for sample in refused:
        _must_raise(Case(op, sample))


def _must_raise(case: Case) -> None:
    sample = case.sample
    assert sample.error is not None
    if case.unknown_constants:
        raise Violation(_unknown_constants(case))
    try:
        case.call()
    except sample.error as error:
        if not re.search(sample.match, str(error)):
            raise Violation(
                f"{sample!r} raises {type(error).__name__} as declared, but its message does not "
                f"match {sample.match!r}: {error}"
            ) from error
        return
    except Exception as error:
        raise Violation(
            f"{sample!r} raises {type(error).__name__}, not {sample.error.__name__}: {error}"
        ) from error
    raise Violation(f"{sample!r} raises nothing instead of {sample.error.__name__}")


@LAWS.law("meta", "forward")
def meta(case: Case) -> None:
    """On meta tensors, which have no values, forward gives the same shape, dtype and strides.

    Then shapes can be found without computing, as tracing does. If the reference cannot do
    that either, the op does not have to.
    """
    if not case.inputs:
        raise NotApplicable("no argument is a tensor")
    if case.op.engine is not PLUGRAD and not case.op.composite:
        # Reading the memory at data_ptr() would end the process: a meta tensor's is 0.
        raise NotApplicable("a Function may read memory, and a meta tensor has none")
    values = [t.to("meta") for t in case.values]
    try:
        outputs = case.forward(values)
    except Exception as error:
        if case.op.engine is not PLUGRAD or refused_by_reference(case, values):
            raise NotApplicable(
                "the result depends on the values: no run on meta tensors"
            ) from error
        raise
    for number, (real, shape) in enumerate(zip(case.forward(), outputs, strict=True)):
        if not isinstance(real, Tensor):
            continue
        for what in ("shape", "dtype"):
            agree(getattr(real, what), getattr(shape, what), f"{what} of output {number}", 0, _META)
        if real.numel() and real.stride() != shape.stride():
            raise Violation(
                f"{_META}: strides of output {number}: expected {real.stride()}, got "
                f"{shape.stride()}",
                tolerated=True,
            )


_META = "a run on meta tensors gives another result"

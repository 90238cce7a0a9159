"""Forward: values, and what a call may not do besides."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.variable import Variable
from plugrad.errors import ContextError
from plugrad.plugins.default import registry
from plugrad.testing.agree import agree, tolerance
from plugrad.testing.call import Call, flat
from plugrad.testing.case import Case, seeded
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.mended import with_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.testing.case import OpUnderTest


@LAWS.law("runs", "forward", gate=True)
def runs(case: Case) -> None:
    """The sample can be called, and the backward of it runs.

    Whatever forward or backward raise is told here once; the other laws do not repeat it.
    So is an argument that the sample calls ``constant`` and does not have.
    """
    if case.unknown_constants:
        raise Violation(_unknown_constants(case))
    call = _called(case)
    if call.node is not None:
        with torch.no_grad():
            call.raw(call.cotangents())
    if call.node is not None and case.op.engine is not PLUGRAD:
        call = case.call()  # a rule may be one that runs but once
    if call.roots and (call.node is None or case.op.engine is not PLUGRAD):
        call.vjp(call.cotangents())


def _called(case: Case) -> Call:
    try:
        return case.call()
    except Exception as error:
        if case.op.engine is PLUGRAD or torch.cuda.is_available() or not _GPU.search(str(error)):
            return _called_with_attributes(case, error)
        first = str(error).strip().partition("\n")[0]
        raise Violation(
            f"not checked: it needs a GPU, which is not here ({type(error).__name__}: {first}); "
            "run the check with --device cuda where there is one",
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
        f"the sample calls {unknown} constant and gives no such argument: write the position or "
        f"the name of an argument that it gives; forward's are named {named}"
    )


@LAWS.law("reference", "forward")
def reference(case: Case) -> None:
    """Forward gives what the function gives that the op stands for.

    Bit for bit where that is a torch function: then both run the same kernels.
    """
    function = case.op.reference
    if function is None:
        raise NotApplicable("the op names no reference=")
    expected, got = reference_outputs(case, function), case.forward()
    compare_outputs(expected, got, _exactness(case, got), "not what the reference gives")


def reference_outputs(
    case: Case, function: Callable[..., Any], values: Sequence[Tensor] | None = None
) -> list[Any]:
    """What a torch function gives for the case, flat."""
    args, kwargs = case.arguments(case.values if values is None else values)
    with torch.no_grad(), case.random_numbers():
        return flat(function(*args, **kwargs))


def compare_outputs(
    expected: Sequence[Any], got: Sequence[Any], allowed: float, message: str
) -> None:
    """Raise Violation unless these are the same outputs."""
    if len(expected) != len(got):
        raise Violation(f"{message}: expected {len(expected)} outputs, got {len(got)}")
    for number, (e, g) in enumerate(zip(expected, got, strict=True)):
        agree(e, g, f"output {number}", allowed, message)


def refused_by_reference(case: Case, values: Sequence[Tensor]) -> bool:
    """Whether the reference raises for these inputs too; without one, forward decides."""
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
    """What a reference may differ by: nothing if it is torch's and the op runs its kernel."""
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
    """A call gives the same whether it is recorded or not.

    A forward that looks at ``needs_input_grad`` must not compute something else.
    """
    # To rounding: which kernel is the best can depend on what needs a gradient.
    allowed = tolerance(*(given.tensor.dtype for given in case.inputs))
    message = "recorded, a call gives another value"
    compare_outputs(case.forward(), case.call().tensors, allowed, message)


@LAWS.law("variables", "forward", engines=("plugrad",))
def variables(case: Case) -> None:
    """Variables in, Variables out, whether the call is recorded or not; tensors in, tensors out.

    In the same containers each time. A bare tensor has none of the ops' methods, and what is
    computed from it afterwards has no gradient, without a word.
    """
    if not case.inputs:
        raise NotApplicable("no argument is a tensor")
    ours = case.wanted or range(len(case.inputs))
    expected = None
    for how, (made, recording) in _WAYS.items():
        given = [made(t) if i in ours else t for i, t in enumerate(case.values)]
        args, kwargs = case.arguments(given)
        with torch.set_grad_enabled(recording), case.random_numbers():
            output = case.op.apply(*args, **kwargs)
        wanted = Tensor if made is _as_it_is else Variable
        for number, part in enumerate(flat(output)):
            if isinstance(part, Tensor | Variable) and not isinstance(part, wanted):
                raise Violation(
                    f"output {number} is a {type(part).__name__} {how}, not a {wanted.__name__}"
                )
            if not recording and isinstance(part, Variable) and _is_tracked(part, given):
                raise Violation(f"output {number} requires grad {how}")
        form = _form(output)
        if expected not in (None, form):
            raise Violation(f"{how} the outputs are {form}, and {expected} of a recorded call")
        expected = form


def _is_tracked(output: Variable, given: Sequence[Any]) -> bool:
    """Whether it requires grad, and is neither an input nor, as torch has it, a view of one."""
    if any(output is value for value in given) or not output.requires_grad:
        return False
    inputs = (value.data for value in given if isinstance(value, Variable))
    memory = output.data.untyped_storage()._cdata
    shared = any(memory == tensor.untyped_storage()._cdata for tensor in inputs)
    return output.grad_fn is not None or not shared


def _as_it_is(tensor: Tensor) -> Any:
    return tensor


def _tracked(tensor: Tensor) -> Any:
    floating = tensor.is_floating_point() or tensor.is_complex()
    return Variable(tensor, requires_grad=floating)


_WAYS: dict[str, tuple[Callable[[Tensor], Any], bool]] = {
    "of a recorded call": (_tracked, True),
    "in no_grad()": (_tracked, False),
    "of Variables that do not require grad": (Variable, True),
    "of tensors": (_as_it_is, True),
}


def _form(output: Any) -> str:
    """The containers of an output, and what is in them."""
    if isinstance(output, tuple | list):
        return f"{type(output).__name__}({', '.join(map(_form, output))})"
    return "tensor" if isinstance(output, Tensor | Variable) else type(output).__name__


@LAWS.law("routes", "forward", engines=("plugrad",))
def routes(case: Case) -> None:
    """Function, method, operator and torch's own function are one op.

    All give the same value for the same arguments, and a node of this op.
    """
    entry = case.op.entry
    if entry is None:
        raise NotApplicable("the op is not registered: apply is the only way to call it")
    if not case.inputs:
        raise NotApplicable("no argument is a tensor")
    expected = case.call()
    for route, apply in _other_routes(case):
        try:
            call = case.call(apply=apply)
        except TypeError:
            if route.startswith("torch's ") and _torch_refuses(case):
                continue
            raise
        message = f"{route} gives another result than apply"
        compare_outputs(expected.tensors, call.tensors, 0.0, message)
        if (expected.node is None) != (call.node is None):
            raise Violation(f"{route} leads to {call.outputs[0].grad_fn!r}, and not to this op")
    if not list(_other_routes(case)):
        raise NotApplicable("apply is the only way to call it with these arguments")


def _other_routes(case: Case) -> list[tuple[str, Callable[..., Any]]]:
    entry = case.op.entry
    assert entry is not None
    found: list[tuple[str, Callable[..., Any]]] = []
    if entry.overrides and not registry.rivals(entry.overrides[0]):
        # Only the first is called as the op is: it is the reference.
        name = getattr(entry.overrides[0], "__name__", "?")
        found.append((f"torch's {name}", _with_a_variable(entry.overrides[0])))
    first = case.arguments(case.values)[0][:1]
    if first and isinstance(first[0], Tensor):
        own = [name for name in entry.attributes if not registry.rivals(name)]
        methods = [name for name in own if name in entry.methods]
        found += [(f"x.{m}(...)", _method(m)) for m in methods if _plain(m)]
        found += [(f"x.{p}", _property(p)) for p in own if p in entry.declaration.properties]
        if entry.rank == 2:  # this one always works
            found.append((f"x.{entry.path}(...)", _method(entry.path)))
        args, kwargs = case.arguments(case.values)
        if not kwargs:
            both = len(args) == 2 and isinstance(args[1], Tensor)
            dunders = [m for m in methods if not _plain(m)]
            found += [(m, _method(m)) for m in dunders if both or not _reflected(m)]
    return found


def _torch_refuses(case: Case) -> bool:
    """Whether torch's function takes no such arguments even as tensors, as only the op does."""
    assert case.op.entry is not None
    args, kwargs = case.arguments(case.values)
    try:
        with case.random_numbers():
            case.op.entry.overrides[0](*args, **kwargs)
    except TypeError:
        return True
    return False


def _plain(method: str) -> bool:
    return not method.startswith("__")


def _with_a_variable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Torch's function, which finds the op only by a Variable."""

    def call(*args: Any, **kwargs: Any) -> Any:
        flat_values = [*flat(list(args)), *flat(list(kwargs.values()))]
        if not any(isinstance(v, Variable) for v in flat_values):
            args = tuple(_as_variable(a) for a in args)
        return function(*args, **kwargs)

    return call


def _as_variable(value: Any) -> Any:
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return type(value)([_as_variable(v) for v in value])
    return Variable(value) if isinstance(value, Tensor) else value


def _method(name: str) -> Callable[..., Any]:
    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        if not _reflected(name):
            return attrgetter(name)(_as_variable(x))(*args, **kwargs)
        return getattr(_as_variable(args[0]), name)(x)  # a reflected operator: y.__radd__(x)

    return call


def _reflected(name: str) -> bool:
    return name.startswith("__r") and name != "__rshift__"


def _property(name: str) -> Callable[..., Any]:
    return lambda x: getattr(_as_variable(x), name)


@LAWS.law("inputs-unchanged", "forward")
def inputs_unchanged(case: Case) -> None:
    """Forward leaves its inputs as they were, bit for bit.

    Who calls an op does not expect his data to change; ``mark_dirty`` is for those who do.
    """
    if case.op.dirties:
        raise NotApplicable("forward says with ctx.mark_dirty that it writes to an input")
    given, before = case.values, case.values
    versions = [t._version for t in given]
    case.call(given)
    for i, (was, now) in enumerate(zip(before, given, strict=True)):
        what = case.inputs[i].name
        agree(was, now, what, 0.0, "forward changed an input in place", caused=False)
        if now._version != versions[i]:
            raise Violation(f"forward wrote to the input {what} in place, if only the same values")


@LAWS.law("aliasing", "forward")
def aliasing(case: Case) -> None:
    """An output shares memory with an input only if the op is declared a view.

    Otherwise an in-place change of the one would change the other unexpectedly.
    """
    if case.op.declaration.view:
        raise NotApplicable("the op is declared view=True")
    values = case.values
    call = case.call(values)
    memory = {t.untyped_storage()._cdata for t in values if t.numel()}
    for number, output in enumerate(call.tensors):
        if not isinstance(output, Tensor) or not output.numel():
            continue
        known = case.op.engine.knows_view(call.outputs[number], call.variables)
        if output.untyped_storage()._cdata in memory and not known:
            fix = _UNSHARE[case.op.engine.name]
            raise Violation(f"output {number} shares memory with an input: {fix}")


_UNSHARE = {
    "plugrad": "declare view=True, or clone it",
    "torch": "torch does not know it, and an in-place change of one silently changes the other",
}


@LAWS.law("refusals", "forward", whole_op=True, explained_by=("samples",))
def refusals(op: OpUnderTest) -> None:
    """Calls that the op says it refuses raise what it says.

    An error is part of what an op does: ``Sample(...).raises(Error, match)`` says so.
    """
    refused = op.refused_samples()
    if not refused:
        raise NotApplicable("no sample says that it raises")
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
                f"{sample!r} raises {type(error).__name__} as it should, but its message "
                f"does not match {sample.match!r}: {error}"
            ) from error
        return
    except Exception as error:
        raise Violation(
            f"{sample!r} raises {type(error).__name__}, not {sample.error.__name__}: {error}"
        ) from error
    raise Violation(f"{sample!r} raises nothing, not {sample.error.__name__}")


@LAWS.law("meta", "forward")
def meta(case: Case) -> None:
    """On meta tensors, which have no values, forward gives the same shape, dtype and strides.

    Then shapes can be found without computing, as tracing does. Where the reference cannot
    do that either, the op need not.
    """
    if not case.inputs:
        raise NotApplicable("no argument is a tensor")
    if case.op.engine is not PLUGRAD and not case.op.composite:
        # Who reads the memory at data_ptr() would end the process: a meta tensor's is 0.
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


@LAWS.law("global-state", "forward")
def global_state(case: Case) -> None:
    """Forward and backward leave torch's global state as it was.

    Grad mode, default dtype, the number of threads, and whether algorithms are deterministic.
    """
    case.forward()  # what is done once is done
    before = _global_state()
    call = case.call()
    if call.roots:
        call.vjp(call.cotangents())
    after = _global_state()
    for what, was in before.items():
        now = after[what]
        if was != now:
            raise Violation(f"the op changed torch's {what}")


def _global_state() -> dict[str, Any]:
    return {
        "grad mode": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "deterministic mode": torch.are_deterministic_algorithms_enabled(),
        "number of threads": torch.get_num_threads(),
    }


@LAWS.law("random-state", "forward")
def random_state(case: Case) -> None:
    """Torch's random generator is left where the declared draws of forward leave it.

    An op that draws says ``random=True``, and draws in forward alone. One that sets the seed
    makes everybody's next numbers the same ones: dropout masks, shuffles, initial weights.
    """
    states = [_states(case, seed) for seed in (1, 2)]
    (before, forward, backward), (_, other, _) = states
    if torch.equal(forward, other):
        raise Violation(
            "forward sets the state of torch's generator, whatever it was: take numbers from a "
            "torch.Generator of its own instead of manual_seed"
        )
    if not torch.equal(forward, backward):
        raise Violation(
            "backward draws from torch's generator, or sets its state: draw in forward, and save "
            "what was drawn"
        )
    if not case.op.declaration.random and not torch.equal(before, forward):
        raise Violation(
            "forward draws from torch's generator: declare random=True if it is meant to"
        )


def _states(case: Case, seed: int) -> list[Tensor]:
    """The generator's state before forward, after it, and after backward."""
    leaves = case.leaves(case.values)
    with seeded(seed):
        states = [torch.get_rng_state()]
        call = case.drawing_call(leaves)
        states.append(torch.get_rng_state())
        if call.roots:
            cotangents = call.cotangents()
            call.engine.backward(call.roots, cotangents)
        states.append(torch.get_rng_state())
    return states

"""An op in torch: as a function on tensors with torch's autograd, and as a custom operator."""

from __future__ import annotations

import inspect
import logging
import warnings
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.errors import SchemaError
from plugrad.interop import to_library, to_torch
from plugrad.testing.agree import agree, tolerance
from plugrad.testing.call import flat
from plugrad.testing.case import cases
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.symbolic import call_with_symbols, sizes, slopes
from plugrad.testing.together import ones

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case
    from plugrad.testing.op_under_test import OpUnderTest

_PLUGRAD = ("plugrad",)
#: What torch's tracer says about an operator whose shapes or values it cannot know.
_NOT_TRACED = (
    "data-dependent",
    "symbolic shapes",
    "no fake impl",
    "FakeTensor",
    ".numpy() is not supported for tensor subclasses",
    "only compare inequalities with Expr",
)
#: What it says where it could, and the result is another one.
_MISMATCH = "found mismatched"
_EXCEPTIONS = ("NotImplementedError", "UnsupportedOperatorException", "DynamicOutputShapeException")


@LAWS.law("to-torch", "beyond", whole_op=True, engines=_PLUGRAD)
def in_torch(op: OpUnderTest) -> None:
    """``plugrad.interop.to_torch(op)`` gives the op's values and gradients.

    This is checked on tensors, recorded by torch's autograd or not, so that torch's
    gradcheck says the same as the laws. It uses the first sample that has a gradient.
    """
    case, call = _first(op)
    function = to_torch(op.function)
    args, kwargs = case.arguments(case.values)
    with case.random_numbers():
        plain = _tensors(function(*args, **kwargs))
    allowed = tolerance(*(given.tensor.dtype for given in case.inputs))
    _compare_values(call, plain, allowed, "on plain tensors the value differs")
    values = _leaves(case)
    args, kwargs = case.arguments(values)
    with case.random_numbers():
        outputs = _tensors(function(*args, **kwargs))
    roots = [y for y in outputs if y.requires_grad]
    cotangents = call.cotangents()
    leaves = [values[place] for place in case.wanted]
    found = torch.autograd.grad(roots, leaves, cotangents, create_graph=True, allow_unused=True)
    _compare_gradients(call, found, call.vjp(cotangents), allowed)


def _compare_values(call: Call, found: Sequence[Tensor], allowed: float, message: str) -> None:
    outputs = [t for t in call.tensors if isinstance(t, Tensor)]
    for number, (expected, got) in enumerate(zip(outputs, found, strict=True)):
        agree(expected, got, f"output {number}", allowed, message)


def _compare_gradients(
    call: Call, found: Sequence[Tensor | None], expected: Sequence[Any], allowed: float
) -> None:
    """Compare torch's gradients of the differentiable inputs with those of all inputs."""
    case = call.case
    for place, got in zip(case.wanted, found, strict=True):
        wanted = expected[place]
        if wanted is None and got is None:
            continue
        zeros = torch.zeros_like(case.inputs[place].tensor)
        agree(
            zeros if wanted is None else wanted,
            zeros if got is None else got.detach(),
            f"gradient of {case.inputs[place].name}",
            allowed,
            "torch's autograd gives another gradient",
        )


@LAWS.law(
    "to-library",
    "beyond",
    whole_op=True,
    engines=_PLUGRAD,
    explained_by=("name", "output-dtype", "meta", "to-torch"),
    slow=True,
)
def in_library(op: OpUnderTest) -> None:
    """``plugrad.interop.to_library(op)`` gives the op's results, and torch can trace it.

    So the op runs inside torch.compile and torch.export. Its schema, its registration and its
    results without values must pass ``torch.library.opcheck``; it must also take symbols for
    sizes. It uses one sample that has a gradient and fits the schema: one like the first, with
    the fewest dimensions. The law does not apply if no schema can express an argument, or if
    torch cannot know the shapes or has no kernel for tensors without data.
    """
    case, call = _first(op)
    narrowest = min(case.inputs[i].tensor.dtype.itemsize for i in case.wanted)
    if any(y.dtype.itemsize < narrowest for y in call.tensors if _is(y) and y.is_floating_point()):
        raise NotApplicable("it gives a narrower dtype than its inputs have: see output-dtype")
    annotation = inspect.signature(op.function.forward).return_annotation
    if annotation is inspect.Signature.empty and len(call.outputs) > 1:
        raise NotApplicable("forward's result is not annotated, but a schema needs its type")
    try:
        operator = to_library(op.function)
    except SchemaError as error:
        raise NotApplicable(error.what) from error
    fitting = (case for case in _smallest_first(op) if _fits(operator, case))
    smallest = next(fitting, None)
    if smallest is None:
        raise NotApplicable("no sample fits its schema")
    unknown = _opchecked(operator, smallest)
    if unknown:
        first = next(case for case in cases(op) if case.wanted and _fits(operator, case))
        unknown = unknown if first.index == smallest.index else _opchecked(operator, first)
    if unknown:
        raise NotApplicable(f"torch cannot trace it: {unknown}")


#: The tests of opcheck that it must pass. The other one has AOTAutograd trace it, three times over,
#: which takes five times as long as ``call_with_symbols`` and finds no more in an op: a custom
#: operator is one node of the graph, whatever it does. tests/interop compares the two.
_STATIC = ("test_schema", "test_autograd_registration", "test_faketensor")


def _opchecked(operator: Any, case: Case) -> str:
    """Why torch cannot trace the case, if it cannot."""
    args, kwargs = case.arguments(_leaves(case))
    with _quiet(), _without_cache():
        for test in _STATIC:
            results = torch.library.opcheck(
                operator, args, kwargs, test_utils=test, raise_exception=False
            )
            unknown = _untraceable(f"{test} of torch.library.opcheck", results[test])
            if unknown:
                return unknown
        try:
            _compare_with_symbols(operator, case)
        except Violation:
            raise
        except Exception as error:
            return _untraceable("a call with symbols for sizes", error)
    return ""


def _untraceable(test: str, said: Any) -> str:
    """Why torch cannot trace it, if that is what a test said: "SUCCESS" or an exception.

    Raises:
        Violation: it said something else.
    """
    if said == "SUCCESS":
        return ""
    first = str(said).strip().partition("\n")[0]
    unknown = any(words in str(said) for words in _NOT_TRACED) and _MISMATCH not in str(said)
    if unknown or type(said).__name__ in _EXCEPTIONS:
        return first or type(said).__name__
    raise Violation(f"{test} fails: {type(said).__name__}: {first}")


def _compare_with_symbols(operator: Any, case: Case) -> None:
    """Compare the operator's results with the op's, and with what it gives for symbols."""
    call, values = case.call(), _leaves(case)
    args, kwargs = case.arguments(values)
    outputs = _tensors(operator(*args, **kwargs))
    found = slopes([outputs[number] for number in call.root_numbers], values)
    allowed = tolerance(*(given.tensor.dtype for given in case.inputs))
    _compare_values(call, outputs, allowed, "as a custom operator it gives another value")
    _compare_gradients(call, found, call.vjp(ones(call)), allowed)
    message = "with symbols for sizes it gives another result"
    traced = call_with_symbols(operator, args, kwargs)
    for number, (y, symbolic) in enumerate(zip(outputs, traced, strict=True)):
        agree(y.dtype, symbolic.dtype, f"dtype of output {number}", 0, message)
        agree(y.dim(), symbolic.dim(), f"dimensions of output {number}", 0, message)
        shape = [m if n is None else n for m, n in zip(y.shape, sizes(symbolic), strict=True)]
        agree(list(y.shape), shape, f"shape of output {number}", 0, message)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warnings and logs while it traces; they are in the results."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _without_cache() -> AbstractContextManager[Any]:
    """Without torch's cache of what it traced: it is asked for each thing once, and is dear."""
    config = torch._dynamo.config
    known = hasattr(config, "fake_tensor_cache_enabled")
    return config.patch(fake_tensor_cache_enabled=False) if known else nullcontext()


def _smallest_first(op: OpUnderTest) -> list[Case]:
    """The cases; first those that are cheap to trace, and like the op's first sample.

    Each dimension is a symbol to torch's tracer. Sizes 0 and 1 are not: it takes them as they are.
    """
    found = [case for case in cases(op) if case.wanted]
    if not found:
        return []
    dtypes = _dtypes(found[0])
    symbols = min(len(set(_traced(found[0]))), 2)

    def cost(case: Case) -> tuple[bool, int]:
        shows_less = _dtypes(case) != dtypes or len(set(_traced(case))) < symbols
        special = any(not (t := i.tensor).numel() or not t.isfinite().all() for i in case.inputs)
        writes = "inputs-unchanged" in case.sample.waives  # which no such operator may
        last = shows_less or special or writes
        return last, 0 if last else len(_traced(case))

    return sorted(found, key=cost)


def _dtypes(case: Case) -> list[torch.dtype]:
    return [given.tensor.dtype for given in case.inputs]


def _traced(case: Case) -> list[int]:
    """The sizes that are symbols to torch's tracer."""
    return [size for given in case.inputs for size in given.tensor.shape if size > 1]


def _leaves(case: Case) -> list[Tensor]:
    values = case.values
    for place in case.wanted:
        values[place] = values[place].detach().clone().requires_grad_()
    return values


def _fits(operator: Any, case: Case) -> bool:
    """Whether torch accepts the case's arguments for the schema."""
    args, kwargs = case.arguments(_leaves(case))
    try:
        operator(*args, **kwargs)
    except RuntimeError as error:
        return "plugrad::" not in str(error)
    except TypeError as error:
        raise Violation(f"what it returns is not what its annotations say: {error}") from error
    return True


def _tensors(output: Any) -> list[Tensor]:
    return [t for t in flat(list(output) if isinstance(output, tuple) else [output]) if _is(t)]


def _is(value: Any) -> bool:
    return isinstance(value, Tensor)


def _first(op: OpUnderTest) -> tuple[Case, Call]:
    for case in cases(op):
        if case.sample.error is not None:
            continue
        try:
            call = case.call()
            if call.roots and case.wanted:
                found = call.vjp(call.cotangents())
                if any(g is not None and g.layout is not torch.strided for g in found):
                    raise NotApplicable("a gradient is sparse: see the law gradient-form")
                return case, call
        except NotApplicable:
            raise
        except Exception as error:
            raise NotApplicable("a sample fails by itself: see the law runs") from error
    raise NotApplicable("no sample has a gradient")

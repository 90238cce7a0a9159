"""Inputs derived from the samples: other layouts, sizes and dtypes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.agree import agree_all, tolerance
from plugrad.testing.call import transposed, with_gaps
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.forward import (
    compare_outputs,
    reference_outputs,
    refused_by_reference,
)
from plugrad.testing.laws.like_torch import all_dtypes, compare_with_oracle, like_oracle
from plugrad.testing.together import vjps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.testing.call import Call, OracleCall
    from plugrad.testing.case import Case, Input


# --- layouts -------------------------------------------------------------------------


@LAWS.law("layouts", "forward")
def layouts(case: Case) -> None:
    """Values and gradients do not depend on the memory layout of the inputs.

    Inputs with gaps, transposed, expanded (stride 0) and channels-last are each compared
    with a contiguous copy of the same numbers. A layout that the reference refuses may be
    refused.
    """
    if case.draws:
        raise NotApplicable("random numbers are drawn in the order of memory")
    changed = {layout: _changed(case, layout) for layout in _LAYOUTS}
    several = {
        layout: values
        for layout, values in changed.items()
        if not all(t.is_contiguous() for t in values) and case.allows(values)
    }
    known = _called_together(case, list(several.values()))
    tried = 0
    for (layout, values), made in zip(several.items(), known, strict=True):
        tried += _same_as_contiguous(case, values, layout, made)
    if not tried:
        raise NotApplicable("no input has another layout")


def _changed(case: Case, layout: str) -> list[Tensor]:
    """The sample's values in a layout; places and lengths do not become others."""
    keeps = layout == "expanded"
    pairs = zip(case.inputs, case.values, strict=True)
    return [t if keeps and is_index(given) else _LAYOUTS[layout](t) for given, t in pairs]


def _called_together(
    case: Case, several: list[list[Tensor]]
) -> Sequence[tuple[Call, list[Any]] | None]:
    """The calls of these values and their gradients; None if each must be called alone."""
    found = None
    with suppress(Exception):
        calls = [case.call(values) for values in several]
        found = vjps(calls, [call.cotangents() for call in calls])
    return [None] * len(several) if found is None else list(zip(calls, found, strict=True))


def _same_as_contiguous(
    case: Case, values: list[Tensor], layout: str, made: tuple[Call, list[Any]] | None
) -> bool:
    try:
        call = case.call(values) if made is None else made[0]
        gradients = _gradients(call) if made is None else made[1]
    except Exception:
        if refused_by_reference(case, values):
            return False
        raise
    allowed = tolerance(*all_dtypes(case, call))
    message = f"{layout} inputs change the result"
    outputs, expected = _of_contiguous(case, values)
    compare_outputs(outputs, call.tensors, allowed, message)
    agree_all(case.inputs, expected, gradients, allowed, message)
    return True


def _of_contiguous(case: Case, values: list[Tensor]) -> tuple[list[Any], list[Any]]:
    """Outputs and gradients of the same numbers without gaps, which are often the sample itself."""
    inputs = [given.tensor for given in case.inputs]
    if all(t.is_contiguous() for t in inputs) and all(map(torch.equal, inputs, values)):
        return case.shared.outputs, case.shared.gradients
    call = case.call([t.contiguous() for t in values])
    return call.tensors, _gradients(call)


def _gradients(call: Call) -> list[Any]:
    return call.vjp(call.cotangents()) if call.roots else [None] * len(call.case.inputs)


def expanded(tensor: Tensor) -> Tensor:
    """The first entry along the last dimension, repeated with stride 0."""
    return tensor[..., :1].expand(tensor.shape) if tensor.dim() and tensor.numel() else tensor


def channels_last(tensor: Tensor) -> Tensor:
    """The same values in torch's channels-last format, which is for images."""
    return tensor.to(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


_LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "non-contiguous": with_gaps,
    "transposed": transposed,
    "expanded": expanded,
    "channels-last": channels_last,
}


# --- sizes ---------------------------------------------------------------------------


@LAWS.law("sizes", "forward")
def sizes(case: Case) -> None:
    """Inputs of size 0 and 1 work too; for an elementwise op also inputs without dimensions.

    The sample's tensors are cut; if the reference accepts them, values and gradients must
    equal the reference's.
    """
    shrunk = [t for t in case.values if t.numel()]
    if not shrunk:
        raise NotApplicable("no input has elements to leave out")
    several: list[tuple[list[Tensor], str]] = []
    for size, cut in _CUTS.items():
        if size == "no dimensions" and not case.op.declaration.elementwise:
            continue
        values = [cut(t) for t in case.values]
        if any(map(is_index, case.inputs)):
            if size == "size 0":
                continue  # no index is legal
            # Some of torch's kernels read out of bounds for a wrong index.
            pairs = zip(case.inputs, values, strict=True)
            values = [torch.zeros_like(t) if is_index(given) else t for given, t in pairs]
        if case.allows(values):
            several.append((values, f"inputs of {size}"))
    calls = [_beside_reference(case, values) for values, _ in several]
    both = [(p[0], p[1]) if p is not None and p[1] is not None else None for p in calls]
    right = like_oracle(case, both)
    tried = 0
    for (values, what), pair, known in zip(several, calls, right, strict=True):
        tried += pair is not None and (known or _judged_by_oracle(case, values, what))
    if not tried:
        raise NotApplicable("the reference refuses other sizes with these arguments")


def _judged_by_oracle(case: Case, values: list[Tensor], what: str) -> bool:
    """Compare values and gradients with the oracle's; False if the reference refuses them."""
    pair = _beside_reference(case, values)
    if pair is None:
        return False
    try:
        compare_with_oracle(case, *pair, what)
    except (NotApplicable, Violation):
        raise
    except Exception as error:
        raise Violation(
            f"the gradient of {what}, which forward takes, raises {type(error).__name__}: {error}; "
            "let backward take them, or forward refuse them",
            tolerated=True,
        ) from error
    return True


def _beside_reference(case: Case, values: list[Tensor]) -> tuple[Call, OracleCall | None] | None:
    """The call, and torch's if it has a gradient; None if the reference refuses the values."""
    try:
        theirs: OracleCall | None = case.oracle.call([t.clone() for t in values])
    except NotApplicable:
        theirs = None
        if refused_by_reference(case, values):
            return None
    try:
        return case.call([t.clone() for t in values]), theirs
    except Exception:
        # It raises, and nothing says that it takes what its reference takes; or kernels of a
        # device refuse what the CPU's take.
        if not (case.op.on_cpu and case.op.engine is PLUGRAD) and _refuses(case, values):
            return None
        raise


def _refuses(case: Case, values: list[Tensor]) -> bool:
    try:
        case.forward([t.clone() for t in values])
    except Exception:
        return True
    return False


def is_index(given: Input) -> bool:
    """Whether an input is declared an index, or is integer and may be one."""
    whole = not castable(given.tensor) and given.tensor.dtype is not torch.bool
    return whole or given.domain == "index"


_CUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "size 0": lambda t: t[(slice(0, 0),) * t.dim()] if t.dim() else t,
    "size 1": lambda t: t[(slice(0, 1),) * t.dim()],
    "no dimensions": lambda t: t.reshape(-1)[0] if t.numel() else t,
}


# --- dtypes --------------------------------------------------------------------------

_DTYPES = (
    torch.float64,
    torch.float32,
    torch.bfloat16,
    torch.float16,
    torch.complex128,
    torch.complex64,
    torch.int64,
    torch.bool,
)


@LAWS.law("dtypes", "forward", explained_by=("output-dtype",))
def dtypes(case: Case) -> None:
    """The op takes the dtypes that it declares, or else its reference's, and refuses all others.

    A dtype that nobody planned for gives wrong results.
    """
    reference, declared = case.op.reference, case.op.declaration.dtypes
    if declared is None and (reference is None or case.op.engine is not PLUGRAD):
        named = "names no reference= and " if case.op.engine is PLUGRAD else ""
        raise NotApplicable(f"the op {named}declares no dtypes=")
    if not any(castable(t) for t in case.values):
        raise NotApplicable("no input is floating or complex")
    for dtype in _DTYPES:
        values = [cast(t, dtype) for t in case.values]
        expected = None
        if declared is not None:
            takes = dtype in declared
        else:
            assert reference is not None
            try:
                expected = reference_outputs(case, reference, values)
            except Exception:
                takes = False
            else:
                takes = True
        _check_dtype(case, dtype, values, takes, expected)


def _check_dtype(
    case: Case, dtype: torch.dtype, values: list[Tensor], takes: bool, expected: list[Any] | None
) -> None:
    source = "declares dtypes=" if case.op.declaration.dtypes else "has a reference"
    try:
        outputs = case.forward([t.clone() for t in values])
    except Exception as error:
        if takes:
            raise Violation(f"{dtype} inputs raise, but the op {source} that takes them") from error
        return
    if not takes:
        raise Violation(
            f"{dtype} inputs are accepted, but the op {source} without them: raise an error for "
            "them "
            "in forward"
        )
    if expected is not None:
        kinds = [_kind(e) for e in expected], [_kind(g) for g in outputs]
        if kinds[0] != kinds[1]:
            raise Violation(f"{dtype} inputs give {kinds[1]}, the reference gives {kinds[0]}")


def castable(tensor: Tensor) -> bool:
    """Whether it is floating or complex."""
    return tensor.is_floating_point() or tensor.is_complex()


def cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A floating or complex tensor in another dtype; any other as it is."""
    if not castable(tensor):
        return tensor
    if tensor.is_complex() and not dtype.is_complex:
        tensor = tensor.real
    return tensor.to(dtype)


def _kind(value: Any) -> Any:
    return (value.dtype, value.shape) if isinstance(value, Tensor) else type(value)

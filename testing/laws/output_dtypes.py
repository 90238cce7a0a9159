"""Output dtypes: they follow from the inputs'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.call import flat
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.forward import reference_outputs
from plugrad.testing.laws.numeric import WIDE
from plugrad.testing.mended import narrow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.testing.case import Case


@LAWS.law("output-dtype", "forward", gate=True)
def output_dtype(case: Case) -> None:
    """A float64 input does not give a float32 output.

    Half of the digits would be gone, and no comparison could see a mistake below a
    millionth, since comparisons in float32 are loose. It is allowed if the reference does
    the same, or if an argument asks for it: a dtype, or a tensor of that dtype.
    """
    given = {t.dtype for t in case.values if t.is_floating_point() or t.is_complex()}
    if not given or not given <= {*WIDE}:
        raise NotApplicable("the sample is not in float64")
    outputs = case.forward()
    narrowed = [number for number, output in enumerate(outputs) if _is_narrow(output)]
    asked = {_precision(dtype) for dtype in _named(case)}
    expected: list[Any] = _reference(case) if narrowed else []
    for number in narrowed:
        dtype = outputs[number].dtype
        same = number < len(expected) and getattr(expected[number], "dtype", None) is dtype
        if same or _precision(dtype) in asked:
            continue
        wide = "complex128" if torch.complex128 in given else "float64"
        which = f" (output {number})" if len(outputs) > 1 else ""
        raise Violation(
            f"a {wide} input gives a {str(dtype).removeprefix('torch.')} output{which}: compute in "
            "the input's dtype; if forward must compute in another dtype, cast its result back "
            "with .to(x.dtype)",
            tolerated=True,
            mended=case.of(narrow(case.op, dtype)) if case.op.engine is PLUGRAD else None,
        )


def _is_narrow(output: Any) -> bool:
    if not isinstance(output, Tensor):
        return False
    return (output.is_floating_point() or output.is_complex()) and output.dtype not in WIDE


def _precision(dtype: torch.dtype) -> float:
    """The same for the real and the complex numbers of a size."""
    return torch.finfo(dtype).eps


def _named(case: Case) -> Iterator[torch.dtype]:
    """The floating dtypes that an argument is or names."""
    for value in flat([list(case.sample.args), list(case.sample.kwargs.values())]):
        dtype = value.dtype if isinstance(value, Tensor) else value
        if isinstance(dtype, torch.dtype) and (dtype.is_floating_point or dtype.is_complex):
            yield dtype


def _reference(case: Case) -> list[Any]:
    if case.op.reference is None:
        return []
    try:
        return reference_outputs(case, case.op.reference)
    except Exception:  # the law reference reports it
        return []

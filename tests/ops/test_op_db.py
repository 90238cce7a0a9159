"""torch's own list of functions, with its samples: each on Variables, against torch.

An entry is skipped where torch itself cannot run it, or where a primitive that it calls has no op;
the reason tells which. An entry that is expected to differ says why.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

pytest.importorskip("expecttest", reason="torch's test tables need it")
from torch.testing._internal.common_methods_invocations import op_db

from plugrad.errors import MissingPrimitiveError, PlugradError
from plugrad.tests.interop.against_torch import (
    PLUGRAD,
    TORCH,
    allow_flags,
    difference,
    stages,
    with_leaves,
)

allow_flags()

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

UNBOUND = "it calls an unbound method of torch.Tensor, which is written in C and takes no wrapper"

#: Entries in which another answer than torch's is the right one, or none can be had.
DIFFERENT = {
    "as_strided_scatter": "torch's gradient is wrong: its own gradcheck of it fails",
    "linalg.norm.subgradients_at_zero": "at 0 torch's second derivative is nan; ours is the limit",
    "linalg.norm": "of an empty vector torch's second derivative for p = 3.5 is nan; ours is empty",
    "masked.logaddexp": "where one operand is -inf torch's second derivative is nan; ours is 0",
    "nn.functional.linear_cross_entropy.chunked": "in pieces torch loses a part of the second "
    "derivative; ours has it",
    **dict.fromkeys(
        ("cholesky_inverse", "cholesky_solve"),
        "the triangle that is not read has no gradient; in torch it has",
    ),
    **dict.fromkeys(
        [f"nn.functional.max_unpool{n}d" for n in (1, 2, 3)],
        "an element that another one overwrites has no gradient; in torch it has",
    ),
    **dict.fromkeys(("__radd__", "__rmul__", "__getitem__", "cdouble", "cfloat"), UNBOUND),
}


def entries(dtype: torch.dtype) -> list[Any]:
    """Those that torch differentiates in this dtype."""
    return [
        info
        for info in op_db
        if info.supports_autograd and dtype in info.supported_backward_dtypes("cpu")
    ]


def name(info: Any) -> str:
    """With its variant, as torch's tests have it."""
    return f"{info.name}.{info.variant_test_name}".rstrip(".")


@pytest.mark.parametrize("info", entries(torch.float64), ids=name)
def test_float64(info):
    judge(info, torch.float64)


@pytest.mark.parametrize("info", entries(torch.complex128), ids=name)
def test_complex128(info):
    judge(info, torch.complex128)


def judge(info: Any, dtype: torch.dtype) -> None:
    """Compare each of the entry's samples."""
    torch.manual_seed(0)
    tried, problems = 0, []
    for number, sample in enumerate(info.sample_inputs("cpu", dtype, requires_grad=True)):
        try:
            expected, second = by_torch(info, sample)
        except Exception:
            continue
        tried += 1
        try:
            said = difference(expected, run(info, sample, PLUGRAD, second), 1e-7)
        except MissingPrimitiveError as error:
            pytest.skip(str(error).partition("\n")[0])
        except (TypeError, PlugradError) as error:
            said = str(error)
        if said:
            problems.append(f"sample {number}: {said}")
    if not tried:
        pytest.skip("torch itself runs none of its samples")
    if name(info) in DIFFERENT:
        assert problems, f"it is as torch has it by now: {DIFFERENT[name(info)]}"
        pytest.xfail(DIFFERENT[name(info)])
    assert not problems


def by_torch(info: Any, sample: Any) -> tuple[Any, bool]:
    """What torch gives, and whether that has second derivatives."""
    if info.supports_gradgrad:
        try:
            return run(info, sample, TORCH, True), True
        except RuntimeError:  # of this sample it has none
            pass
    return run(info, sample, TORCH, False), False


def run(info: Any, sample: Any, engine: Any, second: bool) -> Any:
    """The stages of one call."""
    torch.manual_seed(0)
    arguments = ((sample.input, *sample.args), sample.kwargs)
    (args, kwargs), leaves = with_leaves(arguments, engine)
    output = info(*args, **kwargs)
    if sample.output_process_fn_grad is not None:
        output = sample.output_process_fn_grad(output)
    return stages(output, leaves, engine, second)

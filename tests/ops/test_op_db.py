"""torch's own list of functions, with its samples: each on Variables, against torch.

An entry is skipped where torch itself cannot run it, or where a primitive that it calls has no op;
the reason tells which. Where ours differs on purpose, finite differences decide.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree

pytest.importorskip("expecttest", reason="torch's test tables need it")
from torch.testing._internal.common_methods_invocations import op_db

import plugrad as pg
from plugrad.core.installed_torch import torch_before
from plugrad.errors import MissingPrimitiveError, NotDifferentiableError, PlugradError
from plugrad.tests.interop.against_torch import (
    DEVICE,
    PLUGRAD,
    TORCH,
    allow_flags,
    by_torch,
    difference,
    follows_differences,
    moved,
    stages,
    with_leaves,
)
from plugrad.tests.ops.op_db_entries import (
    CANNOT,
    RIGHT,
    RIGHT_IN_COMPLEX,
    UNBOUND,
    entries,
    name,
)

allow_flags()

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

#: Entries whose gradient is coarse in torch in bfloat16.
COARSE = {
    "logcumsumexp": "torch's is as far from float64's as that is large; ours is 0.2 % off",
    "matrix_exp": "torch's kernel gives 1e30 for that of the identity; ours computes in float32",
}

#: Entries in which torch's second derivative is nan. Where it is a number, ours is the same.
NAN = {
    "linalg.norm": "of an empty vector, for p = 3.5; ours is 0",
    "linalg.norm.subgradients_at_zero": "at 0; ours is the limit, or refused",
    "masked.logaddexp": "where one operand is -inf; ours is 0",
}

#: Entries that torch's gradient tests call with triangular factors. Ours does not give the triangle
#: that is not read a gradient; torch's does.
TRIANGULAR = {"cholesky_inverse", "cholesky_solve"}

#: Entries whose residuals have no gradient in this torch: ours is compared with its op's reference.
IN_PART = {"linalg.lstsq"} if torch_before("2.8") else set()

#: Entries with outputs that do not depend on what requires grad; torch says that they require it.
CONSTANT = {"native_group_norm": "mean and rstd, where only weight and bias require grad"}

#: Entries whose derivatives have powers of small gaps, and so lose digits, in torch as here.
COARSE_TWICE = {"svd_lowrank": 1e-6}
# The same where a GPU adds up in another order; weights of cov nearly cancel in one sample.
if DEVICE != "cpu":
    COARSE_TWICE |= {"pca_lowrank": 1e-6, "cov": 0.05}

#: Entries in which this torch gives zeros, up to rounding, where there is no second derivative.
ZEROS = IN_PART | ({"linalg.det"} if torch_before("2.13") else set())


@pytest.mark.parametrize("info", entries(torch.float64), ids=name)
def test_float64(info):
    judge(info, torch.float64)


@pytest.mark.parametrize("info", entries(torch.complex128), ids=name)
def test_complex128(info):
    judge(info, torch.complex128)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("info", [i for i in op_db if i.supports_autograd], ids=name)
def test_narrow(info, dtype):
    """One sample: it runs, and its value and gradient are torch's, as far as digits go."""
    if dtype not in info.supported_backward_dtypes(DEVICE):
        pytest.skip("torch does not differentiate it in this dtype")
    torch.manual_seed(0)
    for sample in info.sample_inputs(DEVICE, dtype, requires_grad=True):
        try:
            expected = run(info, sample, TORCH, False)
        except Exception:
            continue
        if name(info) in CANNOT:
            pytest.xfail(UNBOUND)
        try:
            got = run(info, sample, PLUGRAD, False)
        except MissingPrimitiveError as error:
            pytest.skip(str(error).partition("\n")[0])
        tolerance = 1e-3 if dtype is torch.float32 else 0.05
        said = difference(expected, got, tolerance)
        if said and dtype is torch.bfloat16 and name(info) in COARSE:
            pytest.xfail(COARSE[name(info)])
        if said and name(info) in RIGHT:
            pytest.xfail(RIGHT[name(info)])
        assert said is None
        return
    pytest.skip("torch itself runs none of its samples")


def judge(info: Any, dtype: torch.dtype) -> None:
    """Compare each of the entry's samples."""
    torch.manual_seed(0)
    tried, problems, named = 0, [], name(info)
    right = RIGHT | RIGHT_IN_COMPLEX if dtype.is_complex else RIGHT
    for number, sample in enumerate(info.sample_inputs(DEVICE, dtype, requires_grad=True)):
        try:
            expected, second = by_torch(partial(run, info, sample, TORCH), info.supports_gradgrad)
        except Exception:
            continue
        tried += 1
        try:
            got = run(info, sample, PLUGRAD, second)
        except MissingPrimitiveError as error:
            pytest.skip(str(error).partition("\n")[0])
        except NotDifferentiableError as error:
            said = None if named in NAN and has_nan(expected) else str(error)
        except (TypeError, PlugradError) as error:
            said = str(error)
        else:
            if named in CONSTANT and expected["requires grad"] != got["requires grad"]:
                continue  # each has cotangents of its own: the op's samples compare it
            near = COARSE_TWICE.get(named, 1e-7)
            said = difference(expected, got, near, skip_nan=named in NAN, zeros=named in ZEROS)
            if said and named in right and DEVICE == "cpu":  # elsewhere it may be open who is last
                assert decided(info, sample, second, got), f"sample {number}: {said}"
                assert not decided(info, sample, second, expected)
        if said:
            problems.append(f"sample {number}: {said}")
    if not tried:
        pytest.skip("torch itself runs none of its samples")
    if named in right.keys() | CANNOT.keys():
        reason = (right | CANNOT)[named]
        assert problems, f"it is as torch has it by now: {reason}"
        pytest.xfail(reason)
    assert not problems


def has_nan(expected: Any) -> bool:
    return any(t is not None and t.isnan().any() for t in expected["second derivative"])


def decided(info: Any, sample: Any, second: bool, found: Any) -> bool:
    """Whether finite differences have these derivatives, too."""
    leaves = [t for t in pytree.tree_leaves(given(sample)) if getattr(t, "requires_grad", False)]

    def at(step: float) -> Any:
        return run(info, sample, PLUGRAD, second, moved(given(sample), step))

    return follows_differences(at, leaves, found)


def given(sample: Any) -> Any:
    """What it calls the function with."""
    return (sample.input, *sample.args), sample.kwargs


def run(info: Any, sample: Any, engine: Any, second: bool, arguments: Any = None) -> Any:
    """The stages of one call."""
    torch.manual_seed(0)
    (args, kwargs), leaves = with_leaves(arguments or given(sample), engine)
    function = partial(info.gradcheck_wrapper, info) if name(info) in TRIANGULAR else info
    if engine is TORCH and name(info) in IN_PART:
        function = pg.registry[info.name].function.declaration.reference
    output = function(*args, **kwargs)
    if sample.output_process_fn_grad is not None:
        output = sample.output_process_fn_grad(output)
    return stages(output, leaves, engine, second)

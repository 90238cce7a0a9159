"""torch's gradcheck and gradgradcheck of every built-in op, as a function on torch's tensors.

Of the first sample that has a gradient. The law to-torch compares the gradients of the same
sample with the op's own; here torch's finite differences judge them, in its fast mode.
"""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import plugrad as pg
from plugrad.interop import to_torch
from plugrad.testing.law import NotApplicable
from plugrad.testing.laws.in_torch import _first, _tensors
from plugrad.testing.op_under_test import OpUnderTest

_CASTS = "it casts to a narrower dtype, whose differences are rounded away"
_SYMMETRIC = "it reads one triangle of a symmetric matrix, and the gradient is that of both"
#: Where finite differences of every element cannot be right, with the reason.
LEFT_OUT = {
    **dict.fromkeys(("bfloat16", "cfloat", "float", "half", "to", "type_as"), _CASTS),
    **dict.fromkeys(
        ("cholesky", "linalg.cholesky_ex", "linalg_eigh", "linalg.matrix_sqrth"), _SYMMETRIC
    ),
    "nn.functional.grouped_mm": "its kernel takes no float64",
    "log_sigmoid_backward": "the third argument is made of the second, whose gradient has its part",
    "normal": "drawn again for other numbers, it takes mean and std for constants, as torch does",
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_gradcheck_and_gradgradcheck_of_every_op():
    # gradcheck moves the elements of sparse tensors that are none.
    ours = [e for e in pg.registry if e.rank == 0 and ".ops.sparse." not in e.module]
    # And a surrogate is another slope than that which it measures.
    names = [entry.name for entry in ours if not entry.declaration.as_surrogate]
    assert set(LEFT_OUT) <= {*names, *pg.registry.absent}
    refused = {name: said for name in names if name not in LEFT_OUT and (said := refusal(name))}
    assert not refused
    assert [name for name in LEFT_OUT if name in names and refusal(name) is None] == []


def refusal(name):
    """What the first of the two checks that is not content says; None if both are."""
    op = OpUnderTest(pg.registry[name].function)
    try:
        case, _ = _first(op)
    except NotApplicable:
        return None
    function, places = to_torch(op.function), list(case.wanted)

    def call(*leaves):
        values = case.values
        for place, leaf in zip(places, leaves, strict=True):
            values[place] = leaf
        args, kwargs = case.arguments(values)
        with case.random_numbers():
            outputs = _tensors(function(*args, **kwargs))
        return tuple(y for y in outputs if y.requires_grad)

    values = case.values
    leaves = [values[place].detach().clone().requires_grad_() for place in places]
    if not {x.dtype for x in leaves} <= {torch.float64, torch.complex128}:
        return "its numbers are too coarse for differences"
    try:
        gradcheck(call, leaves, fast_mode=True, nondet_tol=1e-9)
        gradgradcheck(call, leaves, fast_mode=True, nondet_tol=1e-9)
    except RuntimeError as error:
        return str(error)
    return None

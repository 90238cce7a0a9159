"""opcheck: torch's own check of a custom operator finds nothing that the law to-library misses."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.interop import to_library
from plugrad.plugins.default import registry
from plugrad.testing.case import cases
from plugrad.testing.check import choose_laws, under_test
from plugrad.testing.laws import in_torch
from plugrad.testing.runner import Runner

#: The test of opcheck that the law replaces.
TRACED = "test_aot_dispatch_dynamic"
BUILT_IN = [entry for entry in registry if entry.pack == "plugrad"]


def verdict(op):
    (result,) = Runner(op).results(choose_laws(["to-library"]))
    return result.status


def opchecked(op):
    """What torch says of the law's sample, or of the op's first: "SUCCESS" or an exception."""
    operator = to_library(op.function)
    said = None
    for candidates in (in_torch._smallest_first(op), cases(op)):
        case = next(c for c in candidates if c.wanted and in_torch._fits(operator, c))
        args, kwargs = case.arguments(in_torch._leaves(case))
        with in_torch._quiet():
            results = torch.library.opcheck(
                operator, args, kwargs, test_utils=TRACED, raise_exception=False
            )
        said = results[TRACED]
        if said == "SUCCESS":
            break
    return said


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(8))
def test_what_the_law_passes_passes_opcheck(part):
    passed = [
        op for e in BUILT_IN[part::8] if verdict(op := under_test(e, {}, 0, "cpu")) == "passed"
    ]
    assert len(passed) > 40
    assert {op.name: said for op in passed if (said := opchecked(op)) != "SUCCESS"} == {}


def op_of(forward, backward):
    members = {
        "forward": staticmethod(forward),
        "backward": staticmethod(backward),
        "samples": staticmethod(lambda make: iter([Sample(make(3, 4))])),
    }
    return under_test(type("Planted", (pg.Function,), members), {}, 0, "cpu")


def twice(_, x):
    return 2 * x


def is_symbol(size):
    return not isinstance(size, int)


WRONG = {
    "another shape for symbols": (lambda _, x: (2 * x)[is_symbol(x.shape[0]) :], twice),
    "another dtype of a subclass": (
        lambda _, x: 2 * (x if type(x) is torch.Tensor else x.float()),
        twice,
    ),
    "reads memory": (lambda _, x: 2 * x if x.data_ptr() else x, twice),
    "writes to its input": (lambda _, x: x.mul_(2), twice),
    "writes to its cotangent": (twice, lambda _, gy: gy.mul_(2)),
    "goes by its cotangent's strides": (
        twice,
        lambda _, gy: 2 * gy if gy.is_contiguous() else 3 * gy,
    ),
}
UNTRACEABLE = {
    "a value as a number": lambda _, x: 2 * x * float(x.sum() > -1e9),
    "a branch on a value": lambda _, x: 2 * x if x.sum() > -1e9 else x,
    "a value that nobody needs": lambda _, x: 2 * x + 0 * torch.ones(()).item(),
    "a mask": lambda _, x: 2 * x[x.abs() >= 0].view(x.shape),
    "a list": lambda _, x: torch.tensor((2 * x).tolist(), dtype=x.dtype),
    "numpy": lambda _, x: torch.from_numpy(2 * x.numpy()),
}


def test_a_right_op_passes_both():
    op = op_of(twice, twice)
    assert (verdict(op), opchecked(op)) == ("passed", "SUCCESS")


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_planted_fault_is_found(wrong):
    assert verdict(op_of(*wrong)) == "failed"


@pytest.mark.parametrize("forward", UNTRACEABLE.values(), ids=UNTRACEABLE)
def test_what_torch_cannot_trace_is_not_judged(forward):
    op = op_of(forward, twice)
    assert verdict(op) == "not applicable"
    assert opchecked(op) != "SUCCESS"
